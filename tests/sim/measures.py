"""What a cluster costs and holds, each a table of a few lines."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

from shared.bus.connection import connect
from tests.bench.usage import resident_bytes
from tests.sim.client import Client, Reply
from tests.sim.latency import latency
from tests.sim.system import Simulated, simulated
from tests.sim.worker import SimulatedWorker, live_long
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER

ROOMS = 100  # of each worker
SDP = "Content-Type: application/sdp\r\n"
FRAGMENT = "Content-Type: application/trickle-ice-sdpfrag\r\n"
TRICKLE = (
    b"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
)
KINDS = ("publish", "play", "PATCH", "DELETE", "?name=")
TURNS = 6
AT_ONCE = 40
_number = count()


async def publish(client: Client) -> Reply:
    reply = await client.ask("POST", f"/api/whip/publish/p{next(_number)}", PUBLISH_OFFER, SDP)
    assert reply.status == 201, reply.body
    return reply


async def play(client: Client, room: str) -> Reply:
    reply = await client.ask("POST", f"/api/whep/play/{room}", PLAY_OFFER, SDP)
    assert reply.status == 201, reply.body
    return reply


# --- what a request costs


async def cost(sizes: tuple[int, ...], requests: int) -> AsyncIterator[str]:
    """Microseconds of CPU of control and of Redis, for each kind of request and size of the cluster."""
    yield "CPU in microseconds, control / Redis, with idle processes' share taken off"
    yield f"{'workers':>8}" + "".join(f"{kind:>16}" for kind in KINDS)
    for size in sizes:
        async with simulated(size, ROOMS) as system:
            costs = [cost async for cost in _costs(system, size, requests)]
        yield f"{size:>8}" + "".join(f"{control:>9.0f} /{redis:>5.0f}" for control, redis in costs)


async def _costs(system: Simulated, size: int, requests: int) -> AsyncIterator[tuple[float, float]]:
    rooms = [f"w{number % size:04}-{number % ROOMS:03}" for number in range(requests)]
    async with Client(system.ports[0]) as client:
        locations = [(await play(client, room)).headers["location"] for room in rooms]  # warm
        asks: list[Callable[[int], Awaitable[Reply]]] = [
            lambda _: publish(client),
            lambda number: play(client, rooms[number]),
            lambda number: client.ask("PATCH", locations[number], TRICKLE, FRAGMENT),
            lambda number: client.ask("DELETE", locations[number]),
            lambda number: client.ask("GET", f"/api/rooms?name={rooms[number]}"),
        ]
        idle = await _spent(system, asyncio.sleep(3.0))
        for ask in asks:
            turns = [
                await _turn(system, ask, first, max(1, requests // TURNS), idle) for first in range(TURNS)
            ]
            # the least: what is more comes from the machine's other load
            yield min(control for control, _ in turns), min(redis for _, redis in turns)


async def _turn(
    system: Simulated,
    ask: Callable[[int], Awaitable[Reply]],
    turn: int,
    requests: int,
    idle: tuple[float, float],
) -> tuple[float, float]:
    began = time.monotonic()
    used = await _spent(system, _each(ask, range(turn * requests, (turn + 1) * requests)))
    share = (time.monotonic() - began) / 3.0
    control, redis = ((u - i * share) / requests * 1e6 for u, i in zip(used, idle, strict=True))
    return control, redis


async def _each(ask: Callable[[int], Awaitable[Reply]], numbers: range) -> None:
    for number in numbers:
        reply = await ask(number)
        assert reply.status < 300, (reply.status, reply.body)


async def _spent(system: Simulated, work: Awaitable[object]) -> tuple[float, float]:
    before = await system.cpu()
    await work
    control, redis = await system.cpu()
    return control - before[0], redis - before[1]


# --- how many offers


async def offers(size: int, seconds: float, at_once: int) -> AsyncIterator[str]:
    """One control process under as many offers as it takes: half publish, half play."""
    async with simulated(size, ROOMS, hosts=2) as system:
        took: list[float] = []

        async def ask() -> None:
            async with Client(system.ports[0]) as client:
                while time.monotonic() < ends:
                    began = time.monotonic()
                    if len(took) % 2:
                        await publish(client)
                    else:
                        await play(client, f"w{next(_number) % size:04}-{next(_number) % ROOMS:03}")
                    took.append(time.monotonic() - began)

        ends = time.monotonic() + seconds
        control, redis = await _spent(system, asyncio.gather(*(ask() for _ in range(at_once))))
    yield f"{size} workers, {at_once} at once: {len(took) / seconds:.0f} offers/s, {latency(took)}"
    yield f"control {control / len(took) * 1e6:.0f} us of CPU each, {control / seconds:.0%} of a core; "
    yield f"Redis {redis / len(took) * 1e6:.0f} us each, {redis / seconds:.0%} of a core"


# --- a list of all rooms, and what happens beside it


async def lists(size: int, seconds: float) -> AsyncIterator[str]:
    """One client reads all rooms again and again; others send offers, and ask for health and metrics."""
    async with simulated(size, ROOMS) as system:
        port = system.ports[0]
        took: dict[str, list[float]] = {name: [] for name in ("rooms", "page", "offer", "readyz", "metrics")}
        ends = time.monotonic() + seconds

        async def repeat(name: str, ask: Callable[[Client], Awaitable[object]], pause: float) -> None:
            async with Client(port) as client:
                while time.monotonic() < ends:
                    began = time.monotonic()
                    await ask(client)
                    took[name].append(time.monotonic() - began)
                    await asyncio.sleep(pause)

        memory = resident_bytes(process.pid for process in system.controls)
        await asyncio.gather(
            repeat("rooms", lambda client: client.ask("GET", "/api/rooms"), 0.0),
            repeat("page", lambda client: client.ask("GET", "/api/rooms?limit=100&after=w0500"), 0.1),
            *(repeat("offer", publish, 0.1) for _ in range(5)),
            repeat("readyz", lambda client: client.ask("GET", "/readyz"), 0.1),
            repeat("metrics", lambda client: client.ask("GET", "/metrics"), 2.0),
        )
    yield f"{size * ROOMS} rooms; control has {memory / 1e6:.0f} MB"
    for name, times in took.items():
        yield f"{name:>8}: {len(times)} times, {latency(times)}"


# --- where publishers go


async def placement(workers: int, publishers: int, controls: int) -> AsyncIterator[str]:
    """Publishers over several control processes, `AT_ONCE` at a time in all."""
    async with simulated(workers, 0, controls) as system:
        placed: Counter[str] = Counter()

        async def some(port: int, share: int) -> None:
            async with Client(port) as client:
                for _ in range(share):
                    location = (await publish(client)).headers["location"]
                    placed.update([location.rpartition("/")[2].partition(".")[0]])

        began = time.monotonic()
        lines = [port for port in system.ports for _ in range(AT_ONCE // controls)]
        await asyncio.gather(*(some(port, publishers // AT_ONCE) for port in lines))
        took = time.monotonic() - began
    full, average = max(placed.values()), placed.total() / workers
    least = min(placed.values()) if len(placed) == workers else 0
    yield (
        f"{placed.total()} publishers, {workers} workers, {controls} control processes, in {took:.0f} s: "
        f"{least} to {full} each, at most {full / average:.2f} times the mean"
    )


# --- heartbeats


async def heartbeats(workers: int, rounds: int) -> AsyncIterator[str]:
    """All workers beat, as fast as this process can; a round is what Redis has in a second."""
    live_long()
    async with simulated(0, 0) as system:
        redis = connect(system.url)
        beating = [SimulatedWorker(redis, system.url, f"w{number:04}", ROOMS) for number in range(workers)]
        for what, share in (("nothing changes", 0), ("one room in 5 changes each second", 5)):
            await _beat(beating, 0)
            began = time.monotonic()
            _, used = await _spent(system, _rounds(beating, rounds, share))
            took = (time.monotonic() - began) / rounds
            yield (
                f"{workers} workers of {ROOMS} rooms, {what}: {used / rounds:.2f} s of Redis' CPU a second, "
                f"{used / rounds / workers * 1e6:.0f} us a heartbeat (a round took {took:.1f} s)"
            )
        await redis.aclose()


async def _rounds(workers: list[SimulatedWorker], rounds: int, share: int) -> None:
    for _ in range(rounds):
        await _beat(workers, share)


async def _beat(workers: list[SimulatedWorker], share: int) -> None:
    for first in range(0, len(workers), 8):
        some = workers[first : first + 8]
        for worker in some:
            if share:
                worker.change(share)
        await asyncio.gather(*(worker.beat() for worker in some))
