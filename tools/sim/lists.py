"""A list of all rooms, and what happens beside it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from tools.bench.http_client import Client
from tools.bench.usage import resident_bytes
from tools.sim.latency import latency
from tools.sim.measures import ROOMS, publish
from tools.sim.stalls import Stalls
from tools.sim.system import simulated

PUBLISHERS = 5
SIP_BYTES, SIP_SECONDS = 4096, 0.5  # of a slow reader


async def lists(workers: int, seconds: float, readers: int, slow: int) -> AsyncIterator[str]:
    """`readers` clients read all rooms again and again; others send offers, and ask for health and metrics.

    Beside them, `slow` ones take some kilobytes a second.
    """
    async with simulated(workers, ROOMS) as system:
        port = system.port
        took: dict[str, list[float]] = {name: [] for name in ("rooms", "page", "offer", "readyz", "metrics")}

        async def repeat(name: str, ask: Callable[[Client], Awaitable[object]], pause: float) -> None:
            async with Client(port) as client:
                while time.monotonic() < ends:
                    began = time.monotonic()
                    await ask(client)
                    took[name].append(time.monotonic() - began)
                    await asyncio.sleep(pause)

        memory = [resident_bytes([system.control.pid])]
        sipping = [asyncio.create_task(_sip(port)) for _ in range(slow)]
        stalls = Stalls()
        watch = asyncio.create_task(stalls.run())
        await system.stalled()  # what was before does not count
        control, _ = await system.cpu()
        began, ends = time.monotonic(), time.monotonic() + seconds
        await asyncio.gather(
            *(repeat("rooms", lambda client: client.ask("GET", "/api/rooms"), 0.0) for _ in range(readers)),
            repeat("page", lambda client: client.ask("GET", "/api/rooms?limit=100&after=w0500"), 0.1),
            *(repeat("offer", publish, 0.1) for _ in range(PUBLISHERS)),
            repeat("readyz", lambda client: client.ask("GET", "/readyz"), 0.1),
            repeat("metrics", lambda client: client.ask("GET", "/metrics"), 2.0),
        )
        share = ((await system.cpu())[0] - control) / (time.monotonic() - began)
        watch.cancel()
        stood = await system.stalled(), stalls.take()
        memory.append(resident_bytes([system.control.pid]))
        held_up = sum(not task.done() for task in sipping)
        for task in sipping:
            task.cancel()
        await asyncio.gather(*sipping, return_exceptions=True)
    before, after = (each / 1e6 for each in memory)
    yield (
        f"{workers * ROOMS} rooms; control has {before:.0f} MB, {after:.0f} at the end, {share:.0%} of a core"
    )
    for name, times in took.items():
        yield f"{name:>8}: {len(times)} times, {latency(times)}"
    if slow:
        yield f"{held_up} of {slow} slow readers still read"
    yield "the simulation itself stood still for at most {:.0f} ms (workers), {:.0f} ms (clients)".format(
        *(1000 * each for each in stood)
    )


async def _sip(port: int) -> None:
    """Read all rooms as slowly as a client may that takes something now and then."""
    loop = asyncio.get_running_loop()
    with socket.socket() as line:
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SIP_BYTES)
        await loop.sock_connect(line, ("127.0.0.1", port))
        await loop.sock_sendall(line, b"GET /api/rooms HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while await loop.sock_recv(line, SIP_BYTES):
            await asyncio.sleep(SIP_SECONDS)
