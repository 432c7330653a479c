"""A thousand viewers of one worker who get nothing: memory and CPU of each; then a thin stream to all."""

import argparse
import asyncio
import sys

from tests.support.system import System, running_system
from tools.bench.generator import FIRST_VIEWERS, ROOM, loaded
from tools.bench.publisher import Stream
from tools.bench.report import COLUMNS as REPORT_COLUMNS
from tools.bench.report import remarks, row
from tools.bench.scenarios.relay import NO_LIMIT, WARM_UP_SECONDS
from tools.bench.table import NOTHING, table
from tools.bench.usage import Usage, resident_bytes
from tools.bench.worker_gauges import SESSIONS, TASKS, worker_gauges

VIEWERS = (FIRST_VIEWERS, 100, 500, 1000)
AT_ONCE = 8
THIN = Stream(burst=1, size=172, rate=50)  # as audio: a packet each 20 ms

COLUMNS = (
    "viewers",
    "worker MB",
    "KB/viewer",
    "worker CPU",
    "ms/s of a viewer",
    "sessions",
    "tasks",
    "control MB",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--viewers", type=int, nargs="+", default=VIEWERS, help="rising; one line each %(default)s")
    add("--seconds", type=float, default=10.0, help="of a line (%(default)s)")


async def run(redis_url: str, arguments: argparse.Namespace) -> None:
    seconds = arguments.seconds
    rows: list[tuple[str, ...]] = []
    async with running_system(redis_url, WORKER_MAX_LOAD=NO_LIMIT) as system:
        worker = system.workers[0].pid
        async with loaded(
            system.whip(ROOM), system.whep(ROOM), 0, server_pids=[worker], silent=True, stream=THIN
        ) as load:
            first: tuple[int, int] | None = None  # viewers and memory of the first line
            for viewers in sorted(arguments.viewers):
                await load.join(viewers - len(load.viewers), AT_ONCE, silent=True)
                before = Usage.of([worker])
                await asyncio.sleep(seconds)
                share = Usage.of([worker]).since(before).cpu / seconds
                memory = resident_bytes([worker])
                rows.append(await _row(system, viewers, memory, first, share))
                first = first or (viewers, memory)
                print(f"{viewers} idle viewers measured", file=sys.stderr)
            print(f"No media, {seconds:g} s each; KB/viewer beyond the first line's viewers:\n")
            print(table(COLUMNS, rows), flush=True)
            await load.warm_up(min(WARM_UP_SECONDS, seconds))
            report = await load.measure(seconds, gro=False)
    print(f"\nThe same viewers, {THIN.rate} packets/s of {THIN.size} bytes to each:\n")
    print(table(REPORT_COLUMNS, [row(report)]))
    for line in remarks(report):
        print(f"\n{line}")


async def _row(
    system: System, viewers: int, memory: int, first: tuple[int, int] | None, share: float
) -> tuple[str, ...]:
    held = await worker_gauges(system.http, system.workers[0].url)
    return (
        str(viewers),
        f"{memory / 1e6:.1f}",
        f"{(memory - first[1]) / (viewers - first[0]) / 1e3:.0f}" if first else NOTHING,
        f"{share:.1%}",
        f"{share * 1e3 / viewers:.3f}",
        f"{held[SESSIONS]:.0f}",
        f"{held[TASKS]:.0f}",
        f"{resident_bytes([system.controls[0].pid]) / 1e6:.1f}",
    )
