"""What a cluster costs and holds, each a table of a few lines."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from statistics import median

from shared.bus.connection import connect
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tools.bench.http_client import Client, Reply
from tools.sim.latency import latency
from tools.sim.system import Simulated, simulated
from tools.sim.worker import SimulatedWorker, live_long

ROOMS = 100  # of each worker
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
TRICKLE = (
    b"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
)
KINDS = ("publish", "play", "PATCH", "DELETE", "?name=")
TURNS = 6
TRIES = 10  # while this host is too busy to answer in time
IDLE_SECONDS = 1.0
_number = count()


async def publish(client: Client) -> Reply:
    return await _offer(client, f"/api/whip/publish/p{next(_number)}", PUBLISH_OFFER)


async def play(client: Client, room: str) -> Reply:
    return await _offer(client, f"/api/whep/play/{room}", PLAY_OFFER)


async def _offer(client: Client, path: str, offer: bytes) -> Reply:
    reply = await client.ask("POST", path, offer, SDP)
    for _ in range(TRIES):
        if reply.status != 503:
            break
        await asyncio.sleep(float(reply.headers["retry-after"]))
        reply = await client.ask("POST", path, offer, SDP)
    assert reply.status in (201, 409), reply.body  # 409: the try before had come through
    return reply


# --- what a request costs


async def cost(sizes: tuple[int, ...], requests: int) -> AsyncIterator[str]:
    """Microseconds of CPU of control and of Redis, for each kind of request and size of the cluster.

    All clusters stand side by side, and have their turns one after the other: so the machine's other load,
    which changes from minute to minute, is the same for all. Of each the median turn counts.
    """
    async with AsyncExitStack() as stack:
        sides = [Side(size, await stack.enter_async_context(simulated(size, ROOMS))) for size in sizes]
        for side in sides:
            await side.prepare(requests)
        for turn in range(TURNS):
            for kind in KINDS:
                for side in sides:
                    await side.turn(kind, turn, requests // TURNS)
    yield "CPU in microseconds, control / Redis, with idle processes' share taken off"
    yield f"{'workers':>8}" + "".join(f"{kind:>16}" for kind in KINDS)
    for side in sides:
        costs = [side.median(kind) for kind in KINDS]
        yield f"{side.size:>8}" + "".join(f"{control:>9.0f} /{redis:>5.0f}" for control, redis in costs)
    for number, of in enumerate(("control", "Redis")):
        shares = [[side.median(kind)[number] for side in sides] for kind in KINDS]
        yield f"{of}: " + "".join(f"{max(each) / min(each):>9.2f}" for each in shares) + " times the smallest"


class Side:
    """A cluster of one size."""

    def __init__(self, size: int, system: Simulated) -> None:
        self.size = size
        self._system = system
        self._turns: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}

    async def prepare(self, requests: int) -> None:
        self._rooms = [f"w{number % self.size:04}-{number % ROOMS:03}" for number in range(requests)]
        async with Client(self._system.port) as client:
            self._locations = [(await play(client, room)).headers["location"] for room in self._rooms]

    async def turn(self, kind: str, turn: int, requests: int) -> None:
        """What one request costs, with what an idle second costs, just before, taken off."""
        idle = await _spent(self._system, asyncio.sleep(IDLE_SECONDS))
        began = time.monotonic()
        numbers = range(turn * requests, (turn + 1) * requests)
        async with Client(self._system.port) as client:
            used = await _spent(self._system, _each(lambda number: self.ask(client, kind, number), numbers))
        share = (time.monotonic() - began) / IDLE_SECONDS
        control, redis = ((u - i * share) / requests * 1e6 for u, i in zip(used, idle, strict=True))
        self._turns[kind].append((control, redis))

    def median(self, kind: str) -> tuple[float, float]:
        control, redis = zip(*self._turns[kind], strict=True)
        return median(control), median(redis)

    async def ask(self, client: Client, kind: str, number: int) -> Reply:
        match kind:
            case "publish":
                return await publish(client)
            case "play":
                return await play(client, self._rooms[number])
            case "PATCH":
                return await client.ask("PATCH", self._locations[number], TRICKLE, FRAGMENT)
            case "DELETE":
                return await client.ask("DELETE", self._locations[number])
            case _:
                return await client.ask("GET", f"/api/rooms?name={self._rooms[number]}")


async def _each(ask: Callable[[int], Awaitable[Reply]], numbers: range) -> None:
    for number in numbers:
        reply = await ask(number)
        assert reply.status < 300 or reply.status in (404, 409, 503), (reply.status, reply.body)


async def _spent(system: Simulated, work: Awaitable[object]) -> tuple[float, float]:
    before = await system.cpu()
    await work
    control, redis = await system.cpu()
    return control - before[0], redis - before[1]


# --- how many offers


async def offers(size: int, seconds: float, at_once: int) -> AsyncIterator[str]:
    """One control process under as many offers as it takes: half publish, half play.

    The workers answer at once and write nothing, so that they leave the machine to control.
    """
    async with simulated(size, ROOMS, quick=True) as system:
        took: list[float] = []

        async def ask() -> None:
            async with Client(system.port) as client:
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
    yield (
        f"control {control / len(took) * 1e6:.0f} us of CPU each, {control / seconds:.0%} of a core: "
        f"{len(took) / control:.0f} offers fill a second of its CPU"
    )
    yield f"Redis {redis / len(took) * 1e6:.0f} us each, {redis / seconds:.0%} of a core"


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
