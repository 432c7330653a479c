"""Whoever logs waits for nobody: a pipe that is read late, or never, or by nobody."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from shared.telemetry import line_writer
from shared.telemetry.line_writer import LineWriter
from tests.support.waiting import eventually

IN_TIME = 10.0
LINE = "x" * 999 + "\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        with suppress(OSError):
            os.close(descriptor)


def fill(descriptor: int) -> int:
    """Write as much as fits; returns how much."""
    os.set_blocking(descriptor, False)
    filled = 0
    with suppress(BlockingIOError):
        while True:
            filled += os.write(descriptor, b"-" * 4096)
    os.set_blocking(descriptor, True)
    return filled


def read_all(descriptor: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += os.read(descriptor, 65_536)
    return data


def test_lines_come_in_order(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    for number in range(100):
        assert writer.write(f"line {number}\n")
    assert writer.drain(IN_TIME)
    assert os.read(pipe[0], 65_536).decode().splitlines() == [f"line {number}" for number in range(100)]
    writer.close()


def test_what_fits_into_a_pipe_is_written_at_once(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    os.set_blocking(pipe[0], False)
    for _ in range(20):
        writer.write(LINE)
        assert os.read(pipe[0], 65_536) == LINE.encode()
    writer.close()


def test_a_line_goes_behind_those_that_wait(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    may_put, put = threading.Event(), LineWriter._put
    monkeypatch.setattr(LineWriter, "_put", lambda self, line: may_put.wait(IN_TIME) and put(self, line))
    filled = fill(pipe[1])
    writer = LineWriter(pipe[1])
    writer.write("first\n")
    assert len(read_all(pipe[0], filled)) == filled
    writer.write("second\n")
    may_put.set()
    assert writer.drain(IN_TIME)
    assert os.read(pipe[0], 65_536) == b"first\nsecond\n"
    writer.close()


def test_a_pipe_that_nobody_reads_holds_nobody_up_and_what_is_dropped_is_told(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_writer, "MOST_WAITING_BYTES", 200_000)
    told: list[int] = []
    filled = fill(pipe[1])
    writer = LineWriter(pipe[1], told.append)
    began = time.monotonic()
    for _ in range(1_000):
        writer.write(LINE)
    assert time.monotonic() - began < 1.0
    assert writer.dropped == 800
    assert not writer.drain(0.05)
    assert not told
    assert read_all(pipe[0], filled + 200 * len(LINE))[filled:] == (LINE * 200).encode()
    assert writer.drain(IN_TIME)
    assert told == [800]
    writer.close()


async def test_a_descriptor_that_does_not_block_is_waited_for(pipe: tuple[int, int]) -> None:
    """As stderr is, where another process has set its terminal so."""
    os.set_blocking(pipe[1], False)
    writer = LineWriter(pipe[1])
    for _ in range(200):
        writer.write(LINE)
    reader = threading.Thread(target=read_all, args=(pipe[0], 200 * len(LINE)), daemon=True)
    reader.start()
    await eventually("all of it is read", lambda: not reader.is_alive(), IN_TIME)
    assert writer.dropped == 0
    writer.close()


async def test_where_nobody_can_read_any_more_lines_count_as_dropped(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    writer = LineWriter(pipe[1])
    writer.write(LINE)
    await eventually("it is counted", lambda: writer.dropped == 1, IN_TIME)
    writer.close()


def test_at_each_step_of_a_write_the_same_thread_may_log_something_else(pipe: tuple[int, int]) -> None:
    """As it does when the garbage collector ends a task whose error nobody has seen."""
    writer = LineWriter(pipe[1])
    steps: list[int] = []

    def step(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            sys.settrace(None)
            steps.append(frame.f_lineno)
            writer.write("meanwhile\n")
            sys.settrace(enter)
        return step

    def enter(frame: FrameType, _: str, __: Any) -> Any:
        return step if frame.f_code is LineWriter.write.__code__ else None

    def write() -> None:
        sys.settrace(enter)
        writer.write("line\n")
        sys.settrace(None)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(IN_TIME)
    assert not thread.is_alive()
    assert writer.drain(IN_TIME)
    lines = os.read(pipe[0], 65_536).decode().splitlines()
    assert lines.count("meanwhile") == len(steps) > 3
    assert lines.count("line") == 1
    writer.close()
