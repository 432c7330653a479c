"""`make bench`: the relay of a real system under growing numbers of viewers."""

import argparse
import os
import platform
import sys
from datetime import UTC, datetime

import uvloop

from deploy.valkey import EmbeddedValkey
from tests.bench.load import calmest, loaded
from tests.bench.report import Report, row, table
from tests.support.system import running_system

VIEWERS = (1, 10, 100, 200)
WARM_UP_SECONDS = 2.0


async def measure(redis_url: str, viewers: int, seconds: float, windows: int) -> list[Report]:
    """On a fresh system, so that the memory of one number of viewers does not serve the next."""
    async with running_system(redis_url) as system:
        room = f"bench{viewers}"
        worker = system.workers[0].pid
        async with loaded(system.whip(room), system.whep(room), viewers, server_pids=[worker]) as load:
            await load.warm_up(WARM_UP_SECONDS)
            return [await load.measure(seconds, gro=gro) for gro in (False, True) for _ in range(windows)]


async def bench(redis_url: str, viewers: list[int], seconds: float, windows: int) -> None:
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f},"
        f" Python {platform.python_version()}, Linux {platform.release()};"
        f" of {windows} windows of {seconds:g} s the one with the lowest p99 delay",
        flush=True,
    )
    rows = []
    for number in viewers:
        reports = await measure(redis_url, number, seconds, windows)
        for report in reports:
            if report.limit is not None:
                print(f"{number} viewers: limited by the generator: {report.limit}")
            if report.received != report.sent * number:
                print(
                    f"{number} viewers: {report.loss:.3%} lost; {report.server_dropped} datagrams"
                    " of the publisher at the server's socket"
                )
        for gro in (False, True):
            rows.append(row(calmest([report for report in reports if report.gro is gro])))
        print(f"{number} viewers measured", file=sys.stderr)
    print(table(rows))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one window of 3 s instead of three of 10 s")
    parser.add_argument("--viewers", type=int, nargs="+", default=VIEWERS)
    arguments = parser.parse_args()
    seconds, windows = (3.0, 1) if arguments.quick else (10.0, 3)
    valkey = EmbeddedValkey()
    valkey.start()
    try:
        uvloop.run(bench(valkey.url, arguments.viewers, seconds, windows))
    finally:
        valkey.stop()


if __name__ == "__main__":
    main()
