"""A shaped line passes what it should, when it should, in order."""

import random
from itertools import pairwise

import pytest

from tests.support.line_shape import Shape, Way

SIZE = 1000


def came_out(way: Way[int], until: float) -> list[tuple[float, int]]:
    """(when, which) of all that comes out until then."""
    came = []
    while (due := way.due()) is not None and due <= until:
        came += [(due, number) for number in way.leave(due)]
    return came


def pour(way: Way[int], rate: float, seconds: float, begin: float = 0.0) -> list[tuple[float, int]]:
    """Put datagrams in at a steady rate; what came out meanwhile."""
    count = round(seconds * rate / 8 / SIZE)
    came = []
    for number in range(count):
        now = begin + number * SIZE * 8 / rate
        came += came_out(way, now)
        way.enter(SIZE, number, now)
    return came


@pytest.mark.parametrize("rate", [150_000, 2_000_000])
@pytest.mark.parametrize("load", [1.05, 10.0])
def test_a_full_line_passes_its_rate_in_order_behind_a_bounded_queue(rate: int, load: float) -> None:
    way = Way[int](Shape(rate=rate, queue=0.3, delay=0.02), seed=1)
    came = pour(way, load * rate, seconds=20)
    assert sum(when >= 10.0 for when, _ in came) * SIZE * 8 == pytest.approx(10 * rate, rel=0.03)
    came += came_out(way, 1e9)
    assert came == sorted(came, key=lambda one: one[1])
    waits = [when - number * SIZE * 8 / (load * rate) for when, number in came]
    assert 0.32 - SIZE * 8 / rate < max(waits) <= 0.32 + 1e-9
    assert way.dropped
    assert way.dropped + way.passed == way.entered
    assert (way.queued, way.due()) == (0, None)


def test_loss_is_as_told_and_the_same_by_the_same_seed() -> None:
    def passed(seed: int) -> list[int]:
        way = Way[int](Shape(loss=0.05), seed)
        return [number for _, number in pour(way, 8_000_000, seconds=10) + came_out(way, 100)]

    assert len(passed(7)) == pytest.approx(9_500, abs=80)
    assert passed(7) == passed(7) != passed(8)


def test_a_change_of_rate_holds_for_what_waits() -> None:
    way = Way[int](Shape(rate=80_000, queue=1.0), seed=1)  # a datagram each 0.1 s
    for number in range(10):
        way.enter(SIZE, number, 0.0)
    assert [number for _, number in came_out(way, 0.25)] == [0, 1]
    way.reshape(Shape(rate=8_000, queue=4.0), 0.25)  # a tenth: half of the third is left, and four fit
    assert way.dropped == 10 - 2 - 4
    came = came_out(way, 100)
    assert [when for when, _ in came] == pytest.approx([0.75, 1.75, 2.75, 3.75])
    assert [number for _, number in came] == [2, 3, 4, 5]


def test_whenever_it_is_looked_at_the_times_are_the_same() -> None:
    """A line that is woken late does not slow down."""
    chance = random.Random(3)
    way = Way[int](Shape(rate=1_000_000), seed=1)
    now, out = 0.0, 0
    while now < 20.0:
        now += chance.uniform(0, 0.04)
        while way.wait < 0.25:  # always enough to send
            way.enter(SIZE, 0, now)
        out += len(way.leave(now))
    assert out * SIZE * 8 == pytest.approx(20 * 1_000_000, rel=0.03)


def test_losses_may_come_in_bursts_of_a_share_of_all() -> None:
    way = Way[int](Shape(loss=0.05, burst=(2, 4)), seed=1)
    passed = [number for _, number in [*pour(way, 1e6, seconds=200), *came_out(way, 1e9)]]
    assert way.lost / way.entered == pytest.approx(0.05, rel=0.1)
    gaps = [after - before - 1 for before, after in pairwise(passed) if after - before > 1]
    assert min(gaps) == 2
    assert sum(gap in (2, 3, 4) for gap in gaps) > 0.9 * len(gaps)
