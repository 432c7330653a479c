"""Puts a WHIP/WHEP server under load and measures it: one publisher, many viewers, all in this process.

    python -m tests.bench.load --whip URL --whep URL --viewers 200 --server-pid PID

Works against any server on any host; CPU and memory of the server are told when its processes are named.
"""

import argparse
import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Sequence

import httpx
import uvloop

from media.dtls import Certificate
from tests.bench.endpoint import Context, Endpoint
from tests.bench.inbox import Inbox
from tests.bench.publisher import DEFAULT_STREAM, Publisher, Stream
from tests.bench.report import Report, percentile, row, table
from tests.bench.usage import Usage, dropped, resident_bytes, sockets_of
from tests.bench.viewer import SampledViewer, Viewer

SAMPLED = 10  # viewers that decrypt what they get
FIRST_VIEWERS = 10  # whose memory does not count: what they cause to be loaded serves all
QUIET_SECONDS = 0.1  # without a packet: all have arrived that will
SETTLE_SECONDS = 3.0
MEDIA_SECONDS = 10.0  # from connected to the first packet


class Load:
    """A publisher and its viewers. Use `loaded` to get one."""

    def __init__(
        self, whip: str, whep: str, context: Context, stream: Stream, server_pids: Sequence[int]
    ) -> None:
        self.publisher = Publisher(whip, context)
        self.publisher.stream = stream
        self.viewers: list[Viewer] = []
        self._whep = whep
        self._context = context
        self._server_pids = server_pids
        self._first_memory: int | None = None

    @property
    def endpoints(self) -> list[Endpoint]:
        return [self.publisher, *self.viewers]

    async def join(self, viewers: int, at_once: int) -> None:
        """Add viewers, no more than `at_once` in their handshake at a time; returns when all get media."""
        gate = asyncio.Semaphore(at_once)
        interval = max(1, viewers // SAMPLED)

        async def join_one(number: int) -> None:
            kind = SampledViewer if number % interval == interval - 1 else Viewer
            viewer = kind(self._whep, self._context)
            self.viewers.append(viewer)
            async with gate:
                await viewer.connect()
            async with asyncio.timeout(MEDIA_SECONDS):
                while not viewer.received:
                    await asyncio.sleep(0.01)

        async def join_all(numbers: Iterable[int]) -> None:
            async with asyncio.TaskGroup() as joining:
                for number in numbers:
                    joining.create_task(join_one(number))

        async with self._streaming():
            await join_all(range(min(viewers, FIRST_VIEWERS)))
            if viewers > FIRST_VIEWERS:
                self._first_memory = resident_bytes(self._server_pids)
                await join_all(range(FIRST_VIEWERS, viewers))

    async def warm_up(self, seconds: float) -> None:
        async with self._streaming():
            await asyncio.sleep(seconds)

    async def measure(self, seconds: float, *, gro: bool) -> Report:
        """Stream for so long, from quiet to quiet, so that each packet sent is either received or lost.

        With `gro` the viewers take a run of packets that the server sent as one from the kernel as one. That
        leaves out the splitting and single delivery, which over a network is no work of the server's CPU, or
        not all of it.
        """
        await self._quiet()
        for viewer in self.viewers:
            viewer.set_gro(gro)
        sampled = [viewer for viewer in self.viewers if isinstance(viewer, SampledViewer)]
        for viewer in sampled:
            viewer.delays.clear()
        own = {endpoint.inode for endpoint in self.endpoints}
        servers = set().union(*map(sockets_of, self._server_pids))
        own_dropped, server_dropped = dropped(own), dropped(servers)
        received = self._received
        cpu, usage, start = time.process_time(), Usage.of(self._server_pids), time.monotonic()

        sent = await self.publisher.send(round(seconds * self.publisher.stream.rate))
        await self._quiet(received + sent * len(self.viewers))

        used = Usage.of(self._server_pids).since(usage)
        ticks = used.user + used.system
        return Report(
            viewers=len(self.viewers),
            gro=gro,
            seconds=time.monotonic() - start,
            sent=sent,
            received=self._received - received,
            server_cpu=used.cpu if self._server_pids else None,
            server_user_share=used.user / ticks if ticks else None,
            server_dropped=dropped(servers) - server_dropped,
            memory_per_viewer=self._memory_per_viewer(),
            delay=list(itertools.chain.from_iterable(viewer.delays for viewer in sampled)),
            answer=[viewer.answered_after for viewer in self.viewers],
            join=[viewer.joined_after for viewer in self.viewers],
            generator_cpu=time.process_time() - cpu,
            generator_dropped=dropped(own) - own_dropped,
        )

    def _memory_per_viewer(self) -> float | None:
        if self._first_memory is None or not self._server_pids:
            return None
        grown = resident_bytes(self._server_pids) - self._first_memory
        return grown / (len(self.viewers) - FIRST_VIEWERS)

    async def keep_alive(self) -> None:
        """Tick each endpoint once a second, spread over it. Runs until cancelled."""
        while True:
            endpoints = self.endpoints
            for endpoint in endpoints:
                endpoint.tick()
                await asyncio.sleep(1 / len(endpoints))

    async def close(self) -> None:
        for endpoint in reversed(self.endpoints):
            await endpoint.close()

    @property
    def _received(self) -> int:
        return sum(viewer.received for viewer in self.viewers)

    @contextlib.asynccontextmanager
    async def _streaming(self) -> AsyncIterator[None]:
        async def stream() -> None:
            while True:
                await self.publisher.send(self.publisher.stream.rate)

        task = asyncio.create_task(stream())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _quiet(self, expected: int | None = None) -> None:
        """Wait until nothing comes any more, or `expected` packets are there; not for ever."""
        deadline = time.monotonic() + SETTLE_SECONDS
        before = -1
        while self._received != expected and time.monotonic() < deadline:
            if expected is None and self._received == before:
                return
            before = self._received
            await asyncio.sleep(QUIET_SECONDS if expected is None else 0.01)


@contextlib.asynccontextmanager
async def loaded(
    whip: str,
    whep: str,
    viewers: int,
    *,
    token: str | None = None,
    server_pids: Sequence[int] = (),
    at_once: int = 1,
    stream: Stream = DEFAULT_STREAM,
) -> AsyncIterator[Load]:
    """A publisher on `whip` and so many viewers on `whep`, all connected and getting media."""
    async with httpx.AsyncClient(timeout=20) as http:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        context = Context(http, headers, Certificate.generateCertificate(), Inbox())
        load = Load(whip, whep, context, stream, server_pids)
        keeping = asyncio.create_task(load.keep_alive())
        try:
            await load.publisher.connect()
            await load.join(viewers, at_once)
            yield load
        finally:
            keeping.cancel()
            await load.close()


def calmest(reports: Sequence[Report]) -> Report:
    """The one that other load on the machine disturbed least.

    The delay tells that, not the CPU: what waits is relayed in larger batches, for less.
    """
    return min(reports, key=lambda report: percentile(report.delay, 0.99))


async def run(arguments: argparse.Namespace, stream: Stream) -> list[Report]:
    async with loaded(
        arguments.whip,
        arguments.whep,
        arguments.viewers,
        token=arguments.token,
        server_pids=arguments.server_pid,
        at_once=arguments.at_once,
        stream=stream,
    ) as load:
        await load.warm_up(arguments.warm_up)
        return [await load.measure(arguments.seconds, gro=arguments.gro) for _ in range(arguments.windows)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description=__doc__)
    add = parser.add_argument
    add("--whip", required=True, metavar="URL", help="where the publisher posts its offer")
    add("--whep", required=True, metavar="URL", help="where the viewers do")
    add("--token", help="sent as Authorization: Bearer")
    add("--viewers", type=int, default=100)
    add("--at-once", type=int, default=1, help="viewers that join at the same time (%(default)s)")
    add("--seconds", type=float, default=10.0, help="length of a window (%(default)s)")
    add("--warm-up", type=float, default=2.0, metavar="SECONDS", help="before the first (%(default)s)")
    add("--windows", type=int, default=1, help="how many, one line each (%(default)s)")
    add("--gro", action="store_true", help="viewers receive by UDP GRO")
    add("--server-pid", type=int, action="append", default=[], help="a media process of the server")
    add(
        "--burst",
        type=int,
        default=DEFAULT_STREAM.burst,
        help="packets of a frame, 64 KB at most (%(default)s)",
    )
    add("--size", type=int, default=DEFAULT_STREAM.size, help="bytes of an RTP packet (%(default)s)")
    add("--rate", type=int, default=DEFAULT_STREAM.rate, help="frames a second (%(default)s)")
    arguments = parser.parse_args()
    stream = Stream(arguments.burst, arguments.size, arguments.rate)
    reports = uvloop.run(run(arguments, stream))
    print(table([row(report) for report in reports]))
    for limit in {report.limit for report in reports} - {None}:
        print(f"Limited by the generator: {limit}.")


if __name__ == "__main__":
    main()
