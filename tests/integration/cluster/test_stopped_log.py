"""Nobody reads a worker's log for a minute while viewers watch and others come: media does not notice."""

import asyncio
import contextlib
import fcntl
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.meanwhile import meanwhile
from tests.support.system import running_system
from tools.bench.generator import Load, loaded
from tools.bench.publisher import Stream
from tools.bench.report import Report
from tools.bench.table import percentile

VIEWERS = 200
STOPPED_SECONDS = 60.0
READ_SECONDS = 30.0
JOINS_A_SECOND = 5.0  # each logs some 700 bytes: the pipe is full within seconds
SMALLEST_PIPE = 4096
F_SETPIPE_SZ = 1031  # linux/fcntl.h
STREAM = Stream(burst=2, size=1100)
# of the delay; both windows are of one machine, which has other work, too
MOST_GROWTH, MOST_GROWTH_SECONDS = 1.5, 0.003

pytestmark = [pytest.mark.soak, pytest.mark.alone]


class LogPipe:
    """The pipe that a worker's log goes into. It is read, or not."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._end = os.open(path, os.O_RDWR)
        fcntl.fcntl(self._end, F_SETPIPE_SZ, SMALLEST_PIPE)
        self._may_read = threading.Event()
        self._may_read.set()
        self.read = 0
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        self._may_read.clear()

    def go_on(self) -> None:
        self._may_read.set()

    def _run(self) -> None:
        while self._may_read.wait():
            self.read += len(os.read(self._end, 65536))


@contextlib.asynccontextmanager
async def guests(load: Load) -> AsyncIterator[list[int]]:
    """Viewers who come, and leave when they are connected; their number."""
    came = [0]

    async def come_and_go() -> None:
        while True:
            guest = await load.guest(silent=True)
            await load.dismiss(guest)
            came[0] += 1
            await asyncio.sleep(1 / JOINS_A_SECOND)

    async with meanwhile(come_and_go()):
        yield came


async def test_a_log_that_nobody_reads_costs_no_packet(redis_url: str, tmp_path: Path) -> None:
    pipe = LogPipe(tmp_path / "log")
    logs_there = ("sh", "-c", 'exec "$@" 2>"$0"', str(pipe.path))
    async with (
        running_system(redis_url, under=logs_there, WORKER_MAX_LOAD="9") as system,
        loaded(system.whip("demo"), system.whep("demo"), VIEWERS, at_once=4, stream=STREAM) as load,
        guests(load) as came,
    ):

        async def window(name: str, seconds: float) -> Report:
            before, read = came[0], pipe.read
            report = await load.measure(seconds, gro=False)
            print(
                f"{name}: {report.due} packets due, {report.due - report.received} lost;"
                f" delay p50 {percentile(report.delay, 0.5) * 1e3:.1f} ms,"
                f" p99 {percentile(report.delay, 0.99) * 1e3:.1f} ms; {came[0] - before} joins,"
                f" {pipe.read - read} bytes of log read"
            )
            assert report.limit is None
            return report

        await load.warm_up(3.0)
        read = await window("the log is read", READ_SECONDS)
        pipe.stop()
        stopped = await window("nobody reads it", STOPPED_SECONDS)
        pipe.go_on()
        again = await window("it is read again", READ_SECONDS)
        for report in (read, stopped, again):
            assert report.received == report.due
        p99, usual = percentile(stopped.delay, 0.99), percentile(read.delay, 0.99)
        assert p99 < MOST_GROWTH * usual + MOST_GROWTH_SECONDS
