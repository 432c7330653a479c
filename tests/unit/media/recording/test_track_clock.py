"""Timestamps become a time that no publisher can make run away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.recording.track_clock import DRIFT, MAX_BACK_SECONDS, MAX_LEAD_SECONDS, STOOD_SECONDS, TrackClock

RATE = 48_000
FRAME = 960


def test_a_stream_keeps_its_timestamps_over_the_wrap() -> None:
    clock = TrackClock(RATE)
    first = 0x1_0000_0000 - 5 * FRAME
    placed = [clock.place(first + n * FRAME & 0xFFFFFFFF, n / 50) for n in range(1_000)]
    assert placed == [first + n * FRAME for n in range(1_000)]
    assert clock.offset == 0


def test_pictures_out_of_order_keep_theirs() -> None:
    clock = TrackClock(90_000)
    order = [0, *(3 * n + k for n in range(3_000) for k in (3, 1, 2))]
    placed = [clock.place(3_000 * picture, number / 30) for number, picture in enumerate(order)]
    assert placed == [3_000 * picture for picture in order]


def test_a_fast_clock_is_followed_for_days() -> None:
    clock = TrackClock(RATE)
    seconds = 100 * 3_600
    for n in range(0, seconds, 10):
        at = round(n * RATE * 1.001)
        assert clock.place(at & 0xFFFFFFFF, float(n)) == at


def test_what_was_held_up_and_comes_at_once_keeps_its_place() -> None:
    clock = TrackClock(RATE)
    for n in range(50):
        clock.place(n * FRAME, n / 50)
    held = [clock.place(n * FRAME, 21.0) for n in range(50, 1_050)]
    assert held == [n * FRAME for n in range(50, 1_050)]


@pytest.mark.parametrize("jump", [100 * RATE, -100 * RATE, -10 * RATE, 1 << 31, (1 << 31) - 1])
def test_after_a_jump_time_goes_on_by_the_clock(jump: int) -> None:
    clock = TrackClock(RATE)
    clock.place(1_000, 0.0)
    assert clock.place(1_000 + FRAME + jump & 0xFFFFFFFF, 0.5) == 1_000 + RATE // 2
    assert clock.place(1_000 + 2 * FRAME + jump & 0xFFFFFFFF, 0.52) == 1_000 + RATE // 2 + FRAME


@pytest.mark.parametrize(("sign", "seconds"), [(1, MAX_LEAD_SECONDS), (-1, MAX_BACK_SECONDS)])
def test_a_timestamp_may_be_so_far_away_and_no_further(sign: int, seconds: float) -> None:
    most = round(seconds * RATE)
    for step, placed in ((most, sign * most), (most + 1, 0)):
        clock = TrackClock(RATE)
        clock.place(most + 1, 0.0)
        assert clock.place(most + 1 + sign * step, 0.0) - (most + 1) == placed


@pytest.mark.parametrize(("late", "pauses"), [(STOOD_SECONDS, 0), (STOOD_SECONDS + 0.01, 1)])
def test_a_frame_that_comes_late_may_be_one_after_a_pause(late: float, pauses: int) -> None:
    clock = TrackClock(RATE)
    for number in range(3):
        clock.place(number * RATE, number + late * (number > 1))
    assert clock.pauses == pauses


def test_an_hour_without_media_is_an_hour() -> None:
    clock = TrackClock(RATE)
    clock.place(0, 0.0)
    assert clock.place(3_600 * RATE, 3_600.0) == 3_600 * RATE
    assert clock.pauses == 0


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.floats(0, 2)), min_size=1, max_size=200))
def test_no_timestamps_make_time_run_away(packets: list[tuple[int, float]]) -> None:
    clock, now = TrackClock(RATE), 0.0
    first = clock.place(packets[0][0], now)
    latest = first
    for timestamp, pause in packets[1:]:
        now += pause
        placed = clock.place(timestamp, now)
        assert placed >= latest - MAX_BACK_SECONDS * RATE
        latest = max(latest, placed)
        assert (latest - first) / RATE <= MAX_LEAD_SECONDS + now * (1 + DRIFT) + 0.01
