"""Viewers that join: how soon they are answered, how many a second a worker can take, whom they disturb.

Viewers watch while others come, so many at once, get media, and leave again; the line for 0 at once is what
the watchers have when nobody comes. One at a time in an idle system: `joining`.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field

from media.transport.dtls import DtlsError
from tests.support.system import running_system
from tools.bench.endpoint import RefusedError
from tools.bench.generator import ROOM, Load, loaded
from tools.bench.report import GENERATOR_BUSY, SERVER_BUSY, Report
from tools.bench.scenarios.relay import NO_LIMIT, WARM_UP_SECONDS
from tools.bench.table import NOTHING, milliseconds, table
from tools.bench.usage import Usage
from tools.bench.viewer import Viewer

WATCHERS = 50
AT_ONCE = (1, 4, 16, 64)
FAILURES = (RefusedError, DtlsError, OSError, EOFError)  # `TimeoutError` is an `OSError`

COLUMNS = (
    "at once",
    "joined",
    "failed",
    "viewers/s",
    "answer p50 ms",
    "p99",
    "join p50 ms",
    "p99",
    "worker ms/join",
    "control ms/join",
    "worker CPU",
    "control CPU",
    "generator CPU",
    "watchers' delay p50 ms",
    "p99",
    "loss",
    "busy",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--at-once", type=int, nargs="+", default=AT_ONCE, help="one line each %(default)s")
    add("--watchers", type=int, default=WATCHERS, help="who watch meanwhile (%(default)s)")
    add("--seconds", type=float, default=10.0, help="of a line (%(default)s)")


@dataclass
class Newcomers:
    """Who joined in a window, and what all processes used in it, in seconds of CPU."""

    at_once: int
    seconds: float = 0.0
    joined: list[Viewer] = field(default_factory=list)
    failed: int = 0
    worker_cpu: float = 0.0
    control_cpu: float = 0.0
    generator_cpu: float = 0.0
    watchers: Report | None = None


async def run(redis_url: str, arguments: argparse.Namespace) -> None:
    async with running_system(redis_url, WORKER_MAX_LOAD=NO_LIMIT) as system:
        worker, control = system.workers[0].pid, system.controls[0].pid
        whip, whep = system.whip(ROOM), system.whep(ROOM)
        windows: list[Newcomers] = []
        async with loaded(whip, whep, 0, server_pids=[worker]) as load:
            await load.join(arguments.watchers, at_once=4)
            await load.warm_up(min(WARM_UP_SECONDS, arguments.seconds))
            for at_once in (0, *arguments.at_once):
                window = Newcomers(at_once)
                await _measured(window, worker, control, _while_watched(load, window, arguments.seconds))
                windows.append(window)
                print(f"{at_once} at once: {len(window.joined)} joined", file=sys.stderr)
    print(table(COLUMNS, [_row(window, windows[0]) for window in windows]))
    print(
        f"\n{arguments.watchers} watchers; windows of {arguments.seconds:g} s. A join is from the POST to the"
        " first packet; what it costs is told with its leaving (DELETE), less what the line for 0 used."
    )


async def _measured(window: Newcomers, worker: int, control: int, work: Coroutine[None, None, None]) -> None:
    """Await `work` and note in `window` what it used."""
    own, start = time.process_time(), time.monotonic()
    before = [Usage.of([pid]) for pid in (worker, control)]
    await work
    window.worker_cpu, window.control_cpu = (
        Usage.of([pid]).since(used).cpu for pid, used in zip((worker, control), before, strict=True)
    )
    window.generator_cpu, window.seconds = time.process_time() - own, time.monotonic() - start


async def _while_watched(load: Load, window: Newcomers, seconds: float) -> None:
    until = time.monotonic() + seconds

    async def come_and_go() -> None:
        while time.monotonic() < until:
            try:
                guest = await load.guest()
            except FAILURES:
                window.failed += 1
                continue
            if time.monotonic() < until:
                window.joined.append(guest)
            await load.dismiss(guest)

    async with asyncio.TaskGroup() as tasks:
        coming = [tasks.create_task(come_and_go()) for _ in range(window.at_once)]
        window.watchers = await load.measure(seconds, gro=False)
        for task in coming:  # they wait for media that does not come any more
            task.cancel()


def _row(window: Newcomers, quiet: Newcomers) -> Sequence[str]:
    """`quiet` is the window in which nobody came."""
    joins = len(window.joined)

    def each(used: float, used_when_quiet: float) -> str:
        return f"{max(0.0, used - used_when_quiet) / joins * 1e3:.2f}" if joins else NOTHING

    shares = {
        "worker": window.worker_cpu / window.seconds,
        "control": window.control_cpu / window.seconds,
        "generator": window.generator_cpu / window.seconds,
    }
    limits = {"worker": SERVER_BUSY, "control": SERVER_BUSY, "generator": GENERATOR_BUSY}
    watchers = window.watchers
    return (
        str(window.at_once),
        str(joins),
        str(window.failed),
        f"{joins / window.seconds:.1f}",
        *milliseconds([viewer.answered_after for viewer in window.joined]),
        *milliseconds([viewer.joined_after for viewer in window.joined if viewer.joined_after]),
        each(window.worker_cpu, quiet.worker_cpu),
        each(window.control_cpu, quiet.control_cpu),
        *(f"{share:.0%}" for share in shares.values()),
        *milliseconds(watchers.delay if watchers else ()),
        NOTHING if watchers is None else f"{watchers.loss:.3%}",
        ", ".join(name for name, share in shares.items() if share > limits[name]) or NOTHING,
    )
