"""Order out of disorder, and gaps only after waiting."""

import math
import random
from collections.abc import Iterable

from media.recording.reorder import MAX_WAITING, WAIT_SECONDS, ReorderBuffer
from media.rtp.run import Run
from tests.support.runs import indexes, sized


def read(items: Iterable[Run | None]) -> list[int | None]:
    """The indexes of packets, and None for each gap between them."""
    found: list[int | None] = []
    for item in items:
        found += [None] if item is None else indexes([item])
    return found


def test_what_is_late_is_waited_for() -> None:
    buffer = ReorderBuffer()
    assert read(buffer.push(sized(5, 1), 0.0)) == [5]
    assert read(buffer.push(sized(8, 1, 1), 0.1)) == []
    assert read(buffer.push(sized(6, 1, 1), 0.5)) == [6, 7, 8, 9]


def test_what_never_comes_is_a_gap_in_time() -> None:
    buffer = ReorderBuffer()
    assert read(buffer.push(sized(5, 1), 0.0)) == [5]
    assert read(buffer.push(sized(9, 1, 1), 0.1)) == []
    assert read(buffer.pop(WAIT_SECONDS)) == []
    assert read(buffer.pop(0.1 + WAIT_SECONDS)) == [None, 9, 10]
    assert read(buffer.push(sized(6, 1), 9.0)) == []  # too late
    assert read(buffer.pop(99.0)) == []


def test_the_first_of_several_gaps_is_waited_for() -> None:
    buffer = ReorderBuffer()
    assert read(buffer.push(sized(5, 1), 0.0)) == [5]
    for first, at in ((20, 0.25), (10, 0.5)):
        assert read(buffer.push(sized(first, 1), at)) == []
    assert read(buffer.pop(0.25 + WAIT_SECONDS)) == []
    assert read(buffer.pop(0.5 + WAIT_SECONDS)) == [None, 10, None, 20]


def test_the_end_waits_for_nothing() -> None:
    buffer = ReorderBuffer()
    assert read(buffer.push(sized(1, 1, 1), 0.0)) == [1, 2]
    for run in (sized(5, 1), sized(9, 1)):
        assert read(buffer.push(run, 0.0)) == []
    assert read(buffer.pop(math.inf)) == [None, 5, None, 9]


def test_any_order_comes_out_in_order_and_once() -> None:
    chance = random.Random(3)
    for _ in range(50):
        buffer = ReorderBuffer()
        out = read(buffer.push(sized(0, 1), 0.0))
        runs, first = [], 1
        while first < 60:
            run = sized(first, *[1] * chance.randint(1, 5))
            runs += [run] * chance.choice((1, 1, 2))
            first += len(run)
        chance.shuffle(runs)
        for run in runs:
            out += read(buffer.push(run, 0.0))
        assert out == list(range(first))


def test_what_two_runs_have_comes_out_once() -> None:
    buffer = ReorderBuffer()
    out = []
    for first, count in ((0, 1), (2, 2), (1, 3), (2, 1), (3, 3), (5, 2), (8, 1), (8, 2), (7, 1)):
        out += read(buffer.push(sized(first, *[1] * count), 0.0))
    assert out == list(range(10))


def test_many_that_wait_are_bounded_and_cost_each_packet_little() -> None:
    """A stranger leaves every other packet out, so that the buffer is always full."""
    buffer = ReorderBuffer()
    for number in range(2 * MAX_WAITING):
        read(buffer.push(sized(2 * number, 1), 0.0))
        assert len(buffer._waiting) <= MAX_WAITING + 1
    assert buffer._packets == len(buffer._waiting)
