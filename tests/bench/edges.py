"""One room over more and more workers: what each of them costs, and the room's delay.

`python -m tests.bench.edges`. The same viewers watch the same room, spread evenly: over the worker that has
the publisher, and edges. If egress scales with cores, the busiest worker's share falls as the workers grow in
number, and all of them together take hardly more than one did.
"""

import argparse
import math
import os
import platform
import sys
from datetime import UTC, datetime

import uvloop

from deploy.valkey import EmbeddedValkey
from tests.bench.load import Load, loaded
from tests.bench.report import Report, percentile
from tests.bench.usage import Usage
from tests.support.system import running_system

WORKERS = (1, 2, 3)
VIEWERS = 300
WARM_UP_SECONDS = 2.0
ROOM = "bench"
HEAD = """\
| workers | viewers | loss | CPU µs/packet | CPU of each worker | the busiest | delay p50 ms | p99 |
|--------:|--------:|-----:|--------------:|-------------------:|------------:|-------------:|----:|"""


async def window(load: Load, pids: list[int], seconds: float) -> tuple[Report, list[float]]:
    """A measurement, and each process's share of a core in it."""
    before = [Usage.of([pid]) for pid in pids]
    report = await load.measure(seconds, gro=False)
    used = [Usage.of([pid]).since(start).cpu for pid, start in zip(pids, before, strict=True)]
    return report, [cpu / report.seconds for cpu in used]


async def measure(redis_url: str, workers: int, viewers: int, seconds: float, windows: int) -> str:
    """The row of the calmest of some windows, on a fresh system."""
    settings = {"WORKER_MAX_VIEWERS": str(math.ceil(viewers / workers)), "WORKER_MAX_LOAD": "1"}
    async with running_system(redis_url, workers=workers, **settings) as system:
        pids = [worker.pid for worker in system.workers]
        async with loaded(system.whip(ROOM), system.whep(ROOM), viewers, server_pids=pids) as load:
            await load.warm_up(WARM_UP_SECONDS)
            measured = [await window(load, pids, seconds) for _ in range(windows)]
    report, shares = min(measured, key=lambda one: percentile(one[0].delay, 0.99))
    if report.limit is not None:
        print(f"{workers} workers: limited by the generator: {report.limit}")
    assert report.cpu_per_packet is not None
    cells = (
        workers,
        viewers,
        f"{report.loss:.3%}",
        f"{report.cpu_per_packet * 1e6:.2f}",
        ", ".join(f"{share:.1%}" for share in sorted(shares, reverse=True)),
        f"{max(shares):.1%}",
        f"{percentile(report.delay, 0.5) * 1e3:.2f}",
        f"{percentile(report.delay, 0.99) * 1e3:.2f}",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


async def bench(redis_url: str, workers: list[int], viewers: int, seconds: float, windows: int) -> None:
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f},"
        f" Python {platform.python_version()}, Linux {platform.release()};"
        f" of {windows} windows of {seconds:g} s the one with the lowest p99 delay",
        flush=True,
    )
    rows = []
    for number in workers:
        rows.append(await measure(redis_url, number, viewers, seconds, windows))
        print(f"{number} workers measured", file=sys.stderr)
    print("\n".join([HEAD, *rows]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.edges", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one window of 3 s instead of three of 10 s")
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--viewers", type=int, default=VIEWERS)
    arguments = parser.parse_args()
    seconds, windows = (3.0, 1) if arguments.quick else (10.0, 3)
    valkey = EmbeddedValkey()
    valkey.start()
    try:
        uvloop.run(bench(valkey.url, arguments.workers, arguments.viewers, seconds, windows))
    finally:
        valkey.stop()


if __name__ == "__main__":
    main()
