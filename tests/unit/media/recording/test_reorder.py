"""Order out of disorder, and gaps only after waiting."""

import random

from media.recording.reorder import MAX_WAITING, WAIT_SECONDS, Gap, ReorderBuffer


def test_what_is_late_is_waited_for() -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    buffer.push(5, "a", 0.0)
    buffer.push(7, "c", 0.1)
    assert list(buffer.pop(0.1)) == ["a"]
    buffer.push(6, "b", 0.5)
    assert list(buffer.pop(0.5)) == ["b", "c"]


def test_what_never_comes_is_a_gap_in_time() -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    buffer.push(5, "a", 0.0)
    buffer.push(9, "e", 0.1)
    assert list(buffer.pop(WAIT_SECONDS)) == ["a"]
    assert list(buffer.pop(0.1 + WAIT_SECONDS)) == [Gap(3), "e"]
    buffer.push(6, "b", 9.0)  # too late
    assert list(buffer.pop(99.0)) == []


def test_the_end_waits_for_nothing() -> None:
    buffer: ReorderBuffer[int] = ReorderBuffer()
    for index in (1, 2, 5, 9):
        buffer.push(index, index, 0.0)
    assert list(buffer.drain()) == [1, 2, Gap(2), 5, Gap(3), 9]


def test_any_order_comes_out_in_order_and_once() -> None:
    chance = random.Random(3)
    for _ in range(50):
        buffer: ReorderBuffer[int] = ReorderBuffer()
        buffer.push(0, 0, 0.0)
        order = [index for index in range(1, 60) for _ in range(chance.choice((1, 1, 2)))]
        chance.shuffle(order)
        out = list(buffer.pop(0.0))
        for index in order:
            buffer.push(index, index, 0.0)
            out += buffer.pop(0.0)
        assert out == list(range(60))


class Counted(int):
    """An index that counts how often any was compared."""

    comparisons = 0

    def __lt__(self, other: int) -> bool:
        Counted.comparisons += 1
        return int(self) < int(other)


def test_many_that_wait_cost_each_packet_little() -> None:
    """A stranger leaves every other packet out, so that the buffer is always full."""
    buffer: ReorderBuffer[int] = ReorderBuffer()
    packets = 2 * MAX_WAITING
    for number in range(packets):
        buffer.push(Counted(2 * number), number, 0.0)
        list(buffer.pop(0.0))
    assert Counted.comparisons < 50 * packets
