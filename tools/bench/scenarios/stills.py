"""What still pictures cost: 20 rooms of 1280x720 of each codec, with and without; media's delay beside them.

Somebody looks at all pictures, so each is due every ten seconds. The CPU is all that the decoder takes.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import httpx
import psutil

from tests.support.system import System, running_system
from tools.bench.film import Film
from tools.bench.generator import ROOM, Load, loaded
from tools.bench.report import Report
from tools.bench.scenarios.relay import NO_LIMIT
from tools.bench.table import milliseconds, table
from tools.bench.usage import Usage, resident_bytes

CODECS = ("VP8", "H264", "VP9", "AV1")
SIZE = (1280, 720)
SQUARE = 13  # pixels: for keyframes as those of real pictures
LOOK_SECONDS = 4.0
SETTLE_SECONDS = 12.0  # until each room has its first picture, and the next ones are due at their pace
MOST_DELAY = 10.0  # what is more is no stamp
COLUMNS = (
    *("codec", "keyframe kB", "stills", "stills/s", "ms CPU each", "decoder, of a core", "decoder MB"),
    *("delay p50, p99 ms without", "with", "worker CPU without", "with"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rooms", type=int, default=20, help="(%(default)s)")
    parser.add_argument("--codecs", nargs="+", default=CODECS, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a window (%(default)s)")


@dataclass(frozen=True, slots=True)
class _Cost:
    made: float
    cpu: float
    memory: int


async def run(redis_url: str, arguments: argparse.Namespace) -> None:
    rows = []
    for codec in arguments.codecs:
        film = Film.encoded(SIZE, codec, SQUARE)
        reports, costs = [], []
        for snapshots in ("0", "1"):
            report, cost = await _measured(redis_url, film, arguments.rooms, arguments.seconds, snapshots)
            reports.append(report)
            costs.append(cost)
            print(f"{codec}, SNAPSHOTS={snapshots} measured", file=sys.stderr)
        rows.append(_row(film, reports, costs[1]))
    print(table(COLUMNS, rows))


def _row(film: Film, reports: Sequence[Report], cost: _Cost) -> Sequence[str]:
    seconds = reports[1].seconds
    delays = [milliseconds([at for at in report.delay if 0 < at < MOST_DELAY]) for report in reports]
    return (
        film.codec,
        f"{sum(map(len, film.pictures[0])) / 1000:.0f}",
        f"{cost.made:.0f}",
        f"{cost.made / seconds:.2f}",
        f"{cost.cpu / max(1, cost.made) * 1e3:.1f}",
        f"{cost.cpu / seconds:.2%}",
        f"{cost.memory / 1e6:.0f}",
        *(", ".join(delay) for delay in delays),
        *(f"{report.server_share:.1%}" for report in reports),
    )


async def _measured(
    redis_url: str, film: Film, rooms: int, seconds: float, snapshots: str
) -> tuple[Report, _Cost]:
    async with (
        running_system(redis_url, WORKER_MAX_LOAD=NO_LIMIT, SNAPSHOTS=snapshots) as system,
        loaded(
            system.whip(ROOM),
            system.whep(ROOM),
            1,
            rooms=rooms,
            server_pids=[system.workers[0].pid],
            stream=film,
            codec=film.codec,
        ) as load,
        _looking(system, load),
    ):
        await load.warm_up(SETTLE_SECONDS)
        decoders = [child.pid for child in psutil.Process(system.workers[0].pid).children()]
        made, usage = await _made(system), Usage.of(decoders)
        report = await load.measure(seconds, gro=False)
        used = Usage.of(decoders).since(usage)
        return report, _Cost(await _made(system) - made, used.cpu, resident_bytes(decoders))


async def _made(system: System) -> float:
    text = (await system.http.get(f"{system.workers[0].metrics_url}/metrics")).text
    [line] = [line for line in text.splitlines() if line.startswith("roomcast_stills_total ")]
    return float(line.split()[1])


@contextlib.asynccontextmanager
async def _looking(system: System, load: Load) -> AsyncIterator[None]:
    """Somebody asks for every room's picture all the time."""

    async def look() -> None:
        async with httpx.AsyncClient(base_url=system.controls[0].url) as http:
            while True:
                for room in load.rooms:
                    await http.get(f"/api/rooms/{room.name}/still?width=320")
                    await asyncio.sleep(LOOK_SECONDS / len(load.rooms))

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.wait([looking])
