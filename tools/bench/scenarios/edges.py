"""One room over more and more workers: what each of them costs, and the room's delay.

The same viewers watch the same room, spread evenly: over the worker that has the publisher, and edges. If
egress scales with cores, the busiest worker's share falls as the workers grow in number, and all of them
together take hardly more than one did.

With `--max-edges` the origin feeds so many edges, and these feed the others: 2 of 5 workers make two tiers.
"""

import argparse
import math
import sys
from collections import Counter

from tests.support.system import running_system
from tools.bench.generator import ROOM, Load, loaded
from tools.bench.report import Report, remarks
from tools.bench.scenarios.relay import NO_LIMIT, WARM_UP_SECONDS, add_windows
from tools.bench.table import milliseconds, percentile, table
from tools.bench.usage import Usage
from tools.bench.viewer import SampledViewer

WORKERS = (1, 2, 3)
VIEWERS = 300

COLUMNS = (
    "workers",
    "viewers",
    "packets/s",
    "loss",
    "CPU µs/packet",
    "CPU of each worker",
    "the busiest",
    "packets/s with its core full",
    "times one worker's",
    "delay p50 ms",
    "p99",
    "generator CPU",
)


TIER_COLUMNS = ("workers", "tier", "of them", "delay p50 ms", "p99", "more than the origin's, p99 ms")

Delays = dict[int, list[float]]  # of single packets, by the tier of the viewer's worker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS, help="one line each %(default)s")
    parser.add_argument("--viewers", type=int, default=VIEWERS, help="of the room (%(default)s)")
    parser.add_argument(
        "--max-edges",
        type=int,
        default=100,
        help="RELAY_MAX_EDGES: edges that one worker feeds (%(default)s)",
    )
    add_windows(parser)


async def run(redis_url: str, arguments: argparse.Namespace) -> None:
    rows, lines, tiers = [], [], []
    of_the_first = None
    for workers in arguments.workers:
        report, shares, delays, numbers = await measure(
            redis_url,
            workers,
            arguments.viewers,
            arguments.seconds,
            arguments.windows,
            arguments.max_edges,
        )
        assert report.cpu_per_packet is not None
        at_most = report.rate / max(shares)
        of_the_first = of_the_first or at_most / workers
        rows.append(
            (
                str(workers),
                str(report.viewers),
                f"{report.rate:,.0f}",
                f"{report.loss:.3%}",
                f"{report.cpu_per_packet * 1e6:.2f}",
                ", ".join(f"{share:.1%}" for share in sorted(shares, reverse=True)),
                f"{max(shares):.1%}",
                f"{at_most:,.0f}",
                f"{at_most / of_the_first:.2f}",
                *milliseconds(report.delay),
                f"{report.generator_share:.1%}",
            )
        )
        lines += remarks(report)
        tiers += _tier_rows(workers, delays, numbers)
        print(f"{workers} workers measured", file=sys.stderr)
    print(table(COLUMNS, rows))
    print(f"\nOf {arguments.windows} windows of {arguments.seconds:g} s the one with the lowest p99 delay.")
    print(f"\n{table(TIER_COLUMNS, tiers)}\n")
    for line in lines:
        print(f"- {line}")


async def measure(
    redis_url: str, workers: int, viewers: int, seconds: float, windows: int, max_edges: int
) -> tuple[Report, list[float], Delays, Counter[int]]:
    """The calmest of some windows, on a fresh system, and each worker's share of a core in it.

    Then the delays by tier, and how many workers each tier has.
    """
    settings = {
        "WORKER_MAX_VIEWERS": str(math.ceil(viewers / workers)),
        "WORKER_MAX_LOAD": NO_LIMIT,
        "RELAY_MAX_EDGES": str(max_edges),
    }
    async with running_system(redis_url, controls=1, workers=workers, **settings) as system:
        pids = [worker.pid for worker in system.workers]
        async with loaded(system.whip(ROOM), system.whep(ROOM), viewers, server_pids=pids) as load:
            await load.warm_up(min(WARM_UP_SECONDS, seconds))
            room = await system.http.get(f"{system.controls[0].url}/api/rooms/{load.rooms[0].name}")
            tiers: dict[str, int] = {copy["worker"]: copy["tier"] for copy in room.json()["copies"]}
            measured = [await _window(load, pids, tiers, seconds) for _ in range(windows)]
    report, shares, delays = min(measured, key=lambda one: percentile(one[0].delay, 0.99))
    return report, shares, delays, Counter([0, *tiers.values()])


async def _window(
    load: Load, pids: list[int], tiers: dict[str, int], seconds: float
) -> tuple[Report, list[float], Delays]:
    before = [Usage.of([pid]) for pid in pids]
    report = await load.measure(seconds, gro=False)
    used = [Usage.of([pid]).since(start).cpu for pid, start in zip(pids, before, strict=True)]
    delays: Delays = {}
    for viewer in load.viewers:
        if isinstance(viewer, SampledViewer):
            delays.setdefault(tiers.get(viewer.worker, 0), []).extend(viewer.delays)
    return report, [cpu / report.seconds for cpu in used], delays


def _tier_rows(workers: int, delays: Delays, numbers: Counter[int]) -> list[tuple[str, ...]]:
    rows = []
    for tier in sorted(delays):
        more = percentile(delays[tier], 0.99) - percentile(delays[0], 0.99) if tier else 0.0
        figures = milliseconds(delays[tier])
        rows.append((str(workers), str(tier), str(numbers[tier]), *figures, f"{more * 1000:.2f}"))
    return rows
