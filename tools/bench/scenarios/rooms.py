"""Many small rooms, and what one worker holds: load is raised until packets are lost or something gives out.

First 100 rooms of one publisher and two viewers each. Then, at 1, 10 and 100 rooms, viewers are added to all
rooms step by step, on one worker; the last step that held and the first that did not are shown, and why.
"""

import argparse
import sys
from collections.abc import Sequence

from tests.support.system import running_system
from tools.bench.cores import give_core
from tools.bench.generator import ROOM, Load, calmest, loaded
from tools.bench.publisher import DEFAULT_STREAM
from tools.bench.report import COLUMNS, Report, remarks, row
from tools.bench.scenarios.joins import FAILURES
from tools.bench.scenarios.relay import NO_LIMIT, add_windows, measure
from tools.bench.table import percentile, table

SMALL_ROOMS = 100
SMALL_VIEWERS = 2
ROOMS = (1, 10, 100)
FIRST_RATE = 150_000  # packets a second
STEP = 1.2
MOST_LOSS = 0.001
# At the median: then the server has fallen behind, and its sockets are about to overflow.
MOST_DELAY_SECONDS = 0.25
MOST_STEPS = 12
AT_ONCE = 8
WARM_UP_SECONDS = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--rooms", type=int, nargs="*", default=ROOMS, help="of the search; none: no search %(default)s")
    add(
        "--from", type=int, default=FIRST_RATE, dest="first", help="packets/s of its first step (%(default)s)"
    )
    add("--steps", type=int, default=MOST_STEPS, help="at most (%(default)s)")
    add("--small-rooms", type=int, default=SMALL_ROOMS, help="before it; 0: none (%(default)s)")
    add_windows(parser)


async def run(redis_url: str, arguments: argparse.Namespace) -> None:
    seconds = arguments.seconds
    if arguments.small_rooms:
        reports = await measure(redis_url, arguments.small_rooms, SMALL_VIEWERS, seconds, arguments.windows)
        calm = [calmest([report for report in reports if report.gro is gro]) for gro in (False, True)]
        print(f"{arguments.small_rooms} rooms of {SMALL_VIEWERS} viewers:\n")
        print(table(COLUMNS, [row(report) for report in calm]), flush=True)
        print("".join(f"- {line}\n" for report in calm for line in remarks(report)))
    if not arguments.rooms:
        return
    rows = []
    for rooms in arguments.rooms:
        for gro in (False, True):
            steps = await search(redis_url, rooms, arguments.first, arguments.steps, seconds, gro=gro)
            rows += [(*row(report), verdict(report)) for report in shown(steps)]
            print(f"{rooms} rooms, {'' if gro else 'no '}GRO searched", file=sys.stderr)
    print(f"What one worker holds at {MOST_LOSS:.1%} loss, windows of {seconds:g} s:\n")
    print(table((*COLUMNS, "verdict"), rows))


async def search(
    redis_url: str, rooms: int, first: int, most_steps: int, seconds: float, *, gro: bool
) -> list[Report]:
    """A report of each step, the last of which did not hold, unless there were no more steps allowed."""
    async with (
        running_system(redis_url, WORKER_MAX_LOAD=NO_LIMIT) as system,
        loaded(
            system.whip(ROOM), system.whep(ROOM), 0, rooms=rooms, server_pids=[system.workers[0].pid]
        ) as load,
    ):
        give_core(system.workers[0].pid)
        reports: list[Report] = []
        rate = float(first)
        while len(reports) < most_steps and (not reports or holds(reports[-1])):
            try:
                await _grow(load, rate)
            except* FAILURES as failures:
                print(f"{rooms} rooms: no more viewers could join: {failures!r}", file=sys.stderr)
                rate = 0.0
            if not rate:
                break
            await load.warm_up(min(WARM_UP_SECONDS, seconds))
            reports.append(await _tried_twice(load, seconds, gro=gro))
            print(f"{rooms} rooms: {reports[-1].rate:,.0f} packets/s", file=sys.stderr)
            rate *= STEP
        return reports


async def _grow(load: Load, rate: float) -> None:
    """Add viewers to all rooms alike, until all together are due `rate` packets a second or more."""
    stream = DEFAULT_STREAM
    each = -(-rate // (stream.rate * stream.burst * len(load.rooms)))
    more = max(1, int(each) - len(load.rooms[0].viewers))
    await load.join(more, AT_ONCE, silent=True)  # it is the relay that is measured, not joining under load


async def _tried_twice(load: Load, seconds: float, *, gro: bool) -> Report:
    """A step that does not hold gets a second chance: something else may have taken the cores."""
    report = await load.measure(seconds, gro=gro)
    if holds(report):
        return report
    return min(report, await load.measure(seconds, gro=gro), key=lambda report: report.loss)


def holds(report: Report) -> bool:
    """Whether hardly anything was lost, and the server kept up."""
    behind = bool(report.delay) and percentile(report.delay, 0.5) > MOST_DELAY_SECONDS
    return report.loss <= MOST_LOSS and not behind and report.limit is None


def shown(steps: Sequence[Report]) -> Sequence[Report]:
    """The last that held, if any did, and the one that did not."""
    return steps[-1:] if not steps or holds(steps[-1]) else steps[-2:]


def verdict(report: Report) -> str:
    if holds(report):
        return "holds"
    return report.bottleneck or "lost on the way, or late: neither CPU nor a socket was seen to give out"
