"""One room under growing numbers of viewers: CPU a packet, memory a viewer, delay."""

import argparse
import sys

from tests.support.system import running_system
from tools.bench.cores import give_core
from tools.bench.generator import ROOM, calmest, loaded
from tools.bench.report import COLUMNS, Report, remarks, row
from tools.bench.table import table

VIEWERS = (1, 10, 100, 200)
WARM_UP_SECONDS = 2.0
NO_LIMIT = "1"  # a whole core: nobody is refused before


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--viewers", type=int, nargs="+", default=VIEWERS, help="%(default)s")
    parser.add_argument("--rooms", type=int, default=1, help="with so many viewers each (%(default)s)")
    parser.add_argument(
        "--apart", action="store_true", help="the worker on a core of its own: less delay, but colder caches"
    )
    add_windows(parser)


def add_windows(parser: argparse.ArgumentParser) -> None:
    """How long is measured; of several windows the calmest counts."""
    parser.add_argument("--quick", action="store_true", help="one window of 3 s")
    parser.add_argument("--windows", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a window (%(default)s)")


async def run(redis_url: str, arguments: argparse.Namespace) -> None:
    rows, lines = [], []
    for viewers in arguments.viewers:
        reports = await measure(
            redis_url, arguments.rooms, viewers, arguments.seconds, arguments.windows, apart=arguments.apart
        )
        for gro in (False, True):
            rows.append(row(calmest([report for report in reports if report.gro is gro])))
        lines += [line for report in reports for line in remarks(report)]
        print(f"{viewers} viewers measured", file=sys.stderr)
    print(table(COLUMNS, rows))
    print(f"\nOf {arguments.windows} windows of {arguments.seconds:g} s the one with the lowest p99 delay.")
    for line in lines:
        print(f"- {line}")


async def measure(
    redis_url: str, rooms: int, viewers: int, seconds: float, windows: int, *, apart: bool = False
) -> list[Report]:
    """On a fresh system, so that the memory of one number of viewers does not serve the next."""
    async with (
        running_system(redis_url, WORKER_MAX_LOAD=NO_LIMIT) as system,
        loaded(
            system.whip(ROOM),
            system.whep(ROOM),
            viewers,
            rooms=rooms,
            server_pids=[system.workers[0].pid],
        ) as load,
    ):
        if apart:
            give_core(system.workers[0].pid)
        await load.warm_up(min(WARM_UP_SECONDS, seconds))
        return [await load.measure(seconds, gro=gro) for gro in (False, True) for _ in range(windows)]
