"""Viewers that come and go for half an hour: whether memory grows, and what is left when all have gone."""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from tests.support.system import System, running_system
from tests.support.waiting import eventually
from tools.bench.generator import ROOM, Load, loaded
from tools.bench.scenarios.relay import NO_LIMIT
from tools.bench.table import NOTHING, table
from tools.bench.viewer import Viewer
from tools.bench.worker_gauges import FILES, FULL_COLLECTIONS, OPENED, SESSIONS, TASKS, worker_gauges

SETTLED_SHARE = 0.3  # of the run: until then allocators and caches fill, and growth does not count
END_SECONDS = 20.0  # for the last sessions to be forgotten

COLUMNS = (
    "minute",
    "viewers",
    "sessions ever",
    "least got",
    "worker MB",
    "control MB",
    "sessions",
    "tasks",
    "files",
    "full gc",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--minutes", type=float, default=30.0, help="(%(default)s)")
    add("--viewers", type=int, default=100, help="at any time (%(default)s)")
    add(
        "--churn",
        type=float,
        default=2.0,
        help="viewers that leave, and others that join, a second (%(default)s)",
    )
    add("--samples", type=int, default=30, help="lines of the table (%(default)s)")


@dataclass(frozen=True, slots=True)
class Sample:
    """`least` is what the worst-served viewer got since the last sample, as a share of the best-served's."""

    minutes: float
    viewers: int
    least: float | None
    opened: float  # sessions since the worker's start
    sessions: float
    tasks: float
    files: float
    collections: float
    worker_bytes: int
    control_bytes: int

    @property
    def minute(self) -> str:
        return f"{self.minutes:.1f}"


async def run(redis_url: str, arguments: argparse.Namespace) -> None:
    seconds = arguments.minutes * 60
    async with running_system(redis_url, WORKER_MAX_LOAD=NO_LIMIT) as system:
        empty = await _sample(system)
        async with loaded(system.whip(ROOM), system.whep(ROOM), arguments.viewers, at_once=4) as load:
            samples = await _soak(system, load, arguments.churn, seconds, arguments.samples)

        async def all_gone() -> bool:
            left = await _sample(system)
            return left.sessions == 0 and left.tasks <= empty.tasks

        leak = ""
        try:
            await eventually("all sessions and tasks are gone", all_gone, END_SECONDS)
        except AssertionError as error:
            leak = f" LEAK: {error}."
        end = await _sample(system)
    print(table(COLUMNS, [_row("before", empty), *(_row(s.minute, s) for s in samples), _row("after", end)]))
    worker = growth([(s.minutes, s.worker_bytes) for s in samples])
    control = growth([(s.minutes, s.control_bytes) for s in samples])
    print(
        f"\n{arguments.churn:g} viewers a second left and others came. Growth after the first"
        f" {SETTLED_SHARE:.0%} of the time: worker {worker / 1e3:+.1f} KB a minute,"
        f" control {control / 1e3:+.1f} KB a minute.{leak}"
    )


async def _soak(system: System, load: Load, churn: float, seconds: float, count: int) -> list[Sample]:
    """Samples, evenly spread over the time, the first at its beginning."""
    samples: list[Sample] = []
    async with load.streaming():
        start = time.monotonic()
        changing = asyncio.create_task(_change(load, churn))
        received = _received(load)
        for number in range(count + 1):
            await asyncio.sleep(start + number * seconds / count - time.monotonic())
            if changing.done():
                changing.result()  # raises what ended it
            before, received = received, _received(load)
            got = [now - before[viewer] for viewer, now in received.items() if viewer in before]
            most = max(got, default=0)
            least = min(got) / most if most else None
            minutes = (time.monotonic() - start) / 60
            samples.append(await _sample(system, minutes, len(load.viewers), least))
            print(f"{samples[-1].minute} min", file=sys.stderr)
        changing.cancel()
        await asyncio.wait([changing])
    return samples


async def _change(load: Load, churn: float) -> None:
    """Somebody joins, and the viewer that has watched longest leaves, `churn` times a second."""
    viewers = load.rooms[0].viewers
    while True:
        pause = asyncio.create_task(asyncio.sleep(1 / churn))
        newcomer = await load.guest()
        load.guests.remove(newcomer)
        viewers.append(newcomer)
        await viewers.pop(0).close()
        await pause


async def _sample(
    system: System, minutes: float = 0.0, viewers: int = 0, least: float | None = None
) -> Sample:
    worker, control = system.workers[0], system.controls[0]
    held = await worker_gauges(system.http, worker.url)
    return Sample(
        minutes,
        viewers,
        least,
        held[OPENED],
        held[SESSIONS],
        held[TASKS],
        held[FILES],
        held[FULL_COLLECTIONS],
        psutil.Process(worker.pid).memory_info().rss,
        psutil.Process(control.pid).memory_info().rss,
    )


def _received(load: Load) -> dict[Viewer, int]:
    return {viewer: viewer.received for viewer in load.viewers}


def growth(points: Sequence[tuple[float, float]]) -> float:
    """The slope of (minutes, bytes), without the first part of the time; 0 of fewer than two points."""
    settled = [point for point in points if point[0] >= SETTLED_SHARE * points[-1][0]]
    if len(settled) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*settled, strict=True)).slope


def _row(when: str, sample: Sample) -> tuple[str, ...]:
    return (
        when,
        str(sample.viewers),
        f"{sample.opened:.0f}",
        NOTHING if sample.least is None else f"{sample.least:.1%}",
        f"{sample.worker_bytes / 1e6:.1f}",
        f"{sample.control_bytes / 1e6:.1f}",
        f"{sample.sessions:.0f}",
        f"{sample.tasks:.0f}",
        f"{sample.files:.0f}",
        f"{sample.collections:.0f}",
    )
