"""What event streams of rooms cost the control process that has them."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import cast

from shared.bus.connection import connect
from tests.support.waiting import eventually
from tools.bench.http_client import Client
from tools.bench.usage import Usage, resident_bytes
from tools.sim.latency import latency
from tools.sim.system import simulated
from tools.sim.worker import SimulatedWorker, live_long

ROOMS_OF_WORKER = 100
AT_ONCE = 50  # streams that open at the same time
OF_ADDRESS = 2_500  # a control process has 4,000 connections of one address at most
PATIENCE_SECONDS = 60.0


class Reader(asyncio.Protocol):
    """One stream. It only counts, since its reader's CPU is not what is measured."""

    events = 0  # of all readers
    open = 0  # readers

    def __init__(self, path: str) -> None:
        self._path = path
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Reader.open += 1
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def connection_lost(self, exc: Exception | None) -> None:
        Reader.open -= 1

    def data_received(self, data: bytes) -> None:
        Reader.events += data.count(b"event: room")
        if not self.opened.done():
            self.opened.set_result(data.startswith(b"HTTP/1.1 200"))


async def _open(port: int, streams: int, rooms: list[str]) -> None:
    loop = asyncio.get_running_loop()

    async def one(number: int) -> None:
        path = f"/api/rooms/events?room={rooms[number % len(rooms)]}"
        local = f"127.0.0.{2 + number // OF_ADDRESS}"
        _, reader = await loop.create_connection(
            lambda: Reader(path), "127.0.0.1", port, local_addr=(local, 0)
        )
        if not await reader.opened:  # this host is too busy for its Redis
            reader.transport.abort()
            await one(number)

    for first in range(0, streams, AT_ONCE):
        await asyncio.gather(*(one(number) for number in range(first, min(first + AT_ONCE, streams))))


async def event_streams(streams: int, rooms: int, seconds: int) -> AsyncIterator[str]:
    """`streams` streams of one room each; then all `rooms` rooms change their viewers each second."""
    live_long()
    async with simulated(0, 0) as system:
        redis = connect(system.url)
        names = [f"w{number:04}" for number in range(max(1, rooms // ROOMS_OF_WORKER))]
        workers = [SimulatedWorker(redis, system.url, name, ROOMS_OF_WORKER) for name in names]
        for worker in workers:
            await worker.beat()
        pids = [system.control.pid]
        followed = [room for worker in workers for room in worker.rooms]
        before, began = resident_bytes(pids), time.monotonic()
        cpu = Usage.of(pids).cpu
        await _open(system.port, streams, followed)
        await eventually("all are told", lambda: Reader.events >= streams, PATIENCE_SECONDS)
        yield (
            f"{streams} streams opened in {time.monotonic() - began:.0f} s, "
            f"{(Usage.of(pids).cpu - cpu) / streams * 1e6:.0f} us of CPU and "
            f"{(resident_bytes(pids) - before) / streams / 1000:.1f} KB each"
        )
        for what, share in (("nothing changes", 0), (f"{len(followed)} rooms change", 1)):
            told, cpu, began = Reader.events, Usage.of(pids).cpu, time.monotonic()
            took = await _beat(workers, seconds, share, system.port)
            took_in_all = time.monotonic() - began
            used = (Usage.of(pids).cpu - cpu) / took_in_all
            rate = (Reader.events - told) / took_in_all
            yield (
                f"{what} each second: control {used:.0%} of a core, {rate:.0f} events/s, "
                f"{resident_bytes(pids) / 1e6:.0f} MB; /readyz {latency(took)}"
            )
        began = time.monotonic()
        system.control.terminate()
        await eventually("all have ended", lambda: Reader.open == 0, PATIENCE_SECONDS)
        yield f"stopped: all streams ended within {time.monotonic() - began:.1f} s"
        await redis.aclose()


async def _beat(workers: list[SimulatedWorker], seconds: int, share: int, port: int) -> list[float]:
    """The workers' heartbeats; returns what /readyz takes beside them, in seconds."""
    took = []
    async with Client(port) as client:
        for _ in range(seconds):
            ends = time.monotonic() + 1.0
            for worker in workers:
                if share:
                    worker.change(share)
                await worker.beat()
            while time.monotonic() < ends - 0.05:
                began = time.monotonic()
                await client.ask("GET", "/readyz")
                took.append(time.monotonic() - began)
                await asyncio.sleep(0.05)
            await asyncio.sleep(max(0.0, ends - time.monotonic()))
    return took
