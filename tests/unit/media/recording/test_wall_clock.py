"""Sender reports become one relation of timestamps to time, whatever is wrong with some of them."""

import random

import pytest

from media.recording.wall_clock import MAX_REPORTS, WallClock

RATE = 90_000


def test_before_a_report_nothing_is_known() -> None:
    assert WallClock(RATE).seconds(1_000) is None


def test_one_report_says_it_for_all_timestamps_and_over_the_wrap() -> None:
    clock = WallClock(RATE)
    clock.report(4_000.0, 0xFFFF_FFFF - RATE + 1)
    assert clock.seconds(0) == pytest.approx(4_001.0)
    assert clock.seconds(0xFFFF_FFFF - 3 * RATE + 1) == pytest.approx(3_998.0)
    clock.report(4_002.0, RATE)
    assert clock.seconds(2 * RATE) == pytest.approx(4_003.0)


def test_errors_of_many_reports_level_out() -> None:
    chance, clock = random.Random(1), WallClock(RATE)
    for number in range(MAX_REPORTS):
        clock.report(4_000.0 + number + chance.uniform(-0.02, 0.02), number * RATE)
    assert clock.seconds(0) == pytest.approx(4_000.0, abs=0.005)


@pytest.mark.parametrize("number", range(6))
def test_a_report_that_is_wrong_changes_nothing_for_long(number: int) -> None:
    clock = WallClock(RATE)
    for second in range(8):
        clock.report(4_000.0 + second + (77.0 if second == number else 0.0), second * RATE)
        if second > number + 1 or second < number:
            assert clock.seconds(0) == pytest.approx(4_000.0)


def test_a_clock_that_is_set_is_followed_after_the_third_report() -> None:
    clock = WallClock(RATE)
    for second in range(20):
        clock.report(4_000.0 + second, second * RATE)
    found = []
    for second in range(20, 24):
        clock.report(4_300.0 + second, second * RATE)
        found.append(clock.seconds(0))
    assert found == [pytest.approx(expected) for expected in (4_000.0, 4_000.0, 4_300.0, 4_300.0)]


def test_a_clock_that_drifts_is_followed() -> None:
    clock = WallClock(RATE)
    for number in range(2_000):
        clock.report(4_000.0 + 5 * number * 1.000_2, 5 * number * RATE & 0xFFFFFFFF)
    latest = 5 * 1_999
    assert clock.seconds(latest * RATE & 0xFFFFFFFF) == pytest.approx(4_000.0 + latest * 1.000_2, abs=0.010)
