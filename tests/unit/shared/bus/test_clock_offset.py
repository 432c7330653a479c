"""The bounds hold the true offset, slow readings spoil nothing, a clock that was set is believed at once."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.clock_offset import DRIFT, ClockOffset

OFFSET = 1_700_000_000.0


def reading(offset: ClockOffset, at: float, *, there: float, back: float, true: float = OFFSET) -> None:
    """A question asked at steady time `at` that took so many seconds there and back."""
    offset.read(at, at + there + back, at + there + true)


def test_before_the_first_reading_everything_is_possible() -> None:
    assert ClockOffset().bounds(5.0) == (-inf, inf)


def test_a_reading_is_as_exact_as_its_round_trip() -> None:
    offset = ClockOffset()
    reading(offset, 10.0, there=0.03, back=0.01)
    assert offset.bounds(10.04) == pytest.approx((OFFSET - 0.01, OFFSET + 0.03), abs=1e-4)
    assert offset.bounds(5.0) == offset.bounds(10.04)  # nothing is better known for an earlier time


def test_a_slow_reading_does_not_spoil_a_quick_one() -> None:
    offset = ClockOffset()
    reading(offset, 0.0, there=0.001, back=0.001)
    reading(offset, 1.0, there=0.9, back=0.0)
    low, high = offset.bounds(1.9)
    assert high - low < 0.01
    assert low <= OFFSET <= high


def test_bounds_widen_by_the_drift_of_the_clocks() -> None:
    offset = ClockOffset()
    reading(offset, 0.0, there=0.0, back=0.0)
    assert offset.bounds(100.0) == pytest.approx((OFFSET - 100 * DRIFT, OFFSET + 100 * DRIFT), abs=1e-6)


@pytest.mark.parametrize("jump", [-3600.0, -5.0, -0.1, 0.1, 5.0, 3600.0])
def test_a_clock_that_was_set_is_believed_with_the_next_reading(jump: float) -> None:
    offset = ClockOffset()
    for second in range(60):
        reading(offset, float(second), there=0.001, back=0.001)
    reading(offset, 60.0, there=0.001, back=0.001, true=OFFSET + jump)
    low, high = offset.bounds(60.002)
    assert low <= OFFSET + jump <= high
    assert high - low < 0.01


SECONDS = st.floats(0.0, 2.0)


@given(st.lists(st.tuples(SECONDS, SECONDS, SECONDS), min_size=1, max_size=50), st.floats(-DRIFT, DRIFT))
def test_the_bounds_hold_the_offset_of_a_clock_that_drifts(
    readings: list[tuple[float, float, float]], drift: float
) -> None:
    offset, now = ClockOffset(), 0.0
    for pause, there, back in readings:
        asked = now + pause
        now = asked + there + back
        offset.read(asked, now, (asked + there) * (1 + drift))
        low, high = offset.bounds(now)
        assert low - 1e-9 <= now * drift <= high + 1e-9
