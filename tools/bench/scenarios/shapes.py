"""Rooms of every shape through Python, the native step, and a server on Pion, in turns: CPU of all processes.

Of ours control, Valkey and `roomcast up` count, too. Each server has its clients connected all the time, and
media in its turn only: Python, native, Pion, then backwards.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import geometric_mean

from tools.bench.checkout import Checkout
from tools.bench.checkout_system import started
from tools.bench.generator import Load, loaded
from tools.bench.other_server import Server, started_server
from tools.bench.pion import built_pion_server
from tools.bench.publisher import DEFAULT_STREAM, Stream
from tools.bench.ratio import Ratio
from tools.bench.report import Report
from tools.bench.scenarios.joins import FAILURES
from tools.bench.table import NOTHING, milliseconds, table

VIEWERS = (1, 10, 200, 600)
ROOMS = (20, 100)
ROOM_VIEWERS = 2
SOUND = Stream(burst=1, size=120, rate=50)
SOUND_VIEWERS = 50
ROUNDS = 4
SECONDS = 2.0
AT_ONCE = 4
WARM_UP_SECONDS = 0.5
NAMES = ("Python", "native", "Pion")

COLUMNS = (
    "rooms x viewers",
    *(f"{name} µs/packet" for name in NAMES),
    "native/Python",
    "Python/Pion",
    "native/Pion",
    *(f"p50, p99 ms {name}" for name in NAMES),
    "lost",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--viewers", type=int, nargs="*", default=VIEWERS, help="of one room, a line each %(default)s")
    add("--rooms", type=int, nargs="*", default=ROOMS, help=f"of {ROOM_VIEWERS} viewers %(default)s")
    add("--rounds", type=int, default=ROUNDS, help="of a window for each server (%(default)s)")
    add("--seconds", type=float, default=SECONDS, help="of a window (%(default)s)")
    add("--no-gro", action="store_true", help="viewers receive without UDP GRO")
    add("--no-sound", action="store_true", help="leave out the room of sound alone")


@dataclass
class Shape:
    """`reports` are of each server's windows, in the order of `NAMES`."""

    rooms: int
    viewers: int  # of each room
    stream: Stream = DEFAULT_STREAM
    reports: tuple[list[Report], ...] = field(default_factory=lambda: tuple([] for _ in NAMES))

    @property
    def name(self) -> str:
        return f"{self.rooms} x {self.viewers}" + (" sound" if self.stream is SOUND else "")


async def run(_: str, arguments: argparse.Namespace) -> None:
    shapes = [Shape(1, viewers) for viewers in arguments.viewers]
    shapes += [Shape(rooms, ROOM_VIEWERS) for rooms in arguments.rooms]
    if not arguments.no_sound:
        shapes.append(Shape(1, SOUND_VIEWERS, SOUND))
    with tempfile.TemporaryDirectory() as directory:
        pion = built_pion_server(Path(directory))
        for shape in shapes:
            async with _servers(pion) as servers:
                await _measure(shape, servers, arguments)
            print(f"measured: {' '.join(_row(shape))}", file=sys.stderr)
        print(table(COLUMNS, [_row(shape) for shape in shapes]))
    print(
        f"\n{arguments.rounds} rounds of a window of {arguments.seconds:g} s for each server, viewers"
        f" {'without' if arguments.no_gro else 'with'} UDP GRO. Geometric means; ± is the standard error."
        f" Sound: a packet of {SOUND.size} bytes {SOUND.rate} times a second."
    )


@contextlib.asynccontextmanager
async def _servers(pion: Path) -> AsyncIterator[tuple[Server, ...]]:
    """Fresh ones, in the order of `NAMES`."""
    ours = Checkout.ours()
    async with contextlib.AsyncExitStack() as running:
        servers = []
        for name, settings in zip(NAMES, (("NATIVE=off",), ("NATIVE=on",)), strict=False):
            checkout = Checkout(ours.root, ours.python, settings)
            system = await running.enter_async_context(started(checkout))
            servers.append(Server(name, system.whip, system.whep, tuple(system.processes.values())))
        servers.append(await running.enter_async_context(started_server(NAMES[-1], [str(pion)])))
        yield tuple(servers)


async def _measure(shape: Shape, servers: Sequence[Server], arguments: argparse.Namespace) -> None:
    async with contextlib.AsyncExitStack() as running:
        turns = []
        for server, reports in zip(servers, shape.reports, strict=True):
            try:
                turns.append((await running.enter_async_context(_connected(server, shape)), reports))
            except* FAILURES as failures:
                print(f"{server.name}: not all of {shape.name} got media: {failures!r}", file=sys.stderr)
        for number in range(arguments.rounds):
            for load, reports in turns if number % 2 == 0 else reversed(turns):
                await load.warm_up(WARM_UP_SECONDS)
                reports.append(await load.measure(arguments.seconds, gro=not arguments.no_gro))


def _connected(server: Server, shape: Shape) -> contextlib.AbstractAsyncContextManager[Load]:
    return loaded(
        server.whip,
        server.whep,
        shape.viewers,
        rooms=shape.rooms,
        server_pids=server.pids,
        at_once=AT_ONCE,
        stream=shape.stream,
    )


def _row(shape: Shape) -> tuple[str, ...]:
    """One cell for each of `COLUMNS`. Raises `ValueError` where a window has no packets."""
    python, native, pion = ([each.cpu_per_packet or 0.0 for each in side] for side in shape.reports)
    pairs = (python, native), (pion, python), (pion, native)
    ratios = (str(Ratio.of(*pair)) if all(pair) else NOTHING for pair in pairs)
    delays = (milliseconds([delay for report in side for delay in report.delay]) for side in shape.reports)
    return (
        shape.name,
        *(f"{geometric_mean(cpu) * 1e6:.2f}" if cpu else NOTHING for cpu in (python, native, pion)),
        *ratios,
        *map(", ".join, delays),
        "/".join(str(sum(report.due - report.received for report in side)) for side in shape.reports),
    )
