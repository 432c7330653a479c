"""A rate that rises while the receiver says that all comes through."""

import pytest

from media.line.probe import HELD_SECONDS, Probe


def _rise(probe: Probe, start: float, seconds: float, vouched: float | None = None) -> float:
    now = start
    for _ in range(round(seconds * 10)):
        now += 0.1
        probe.rise(now if vouched is None else vouched, now)
    return now


def test_it_rises_slowly_near_what_was_known_and_reaches_ten_times_that_in_three_seconds() -> None:
    probe = Probe(300_000, 9_000_000, 0.0)
    _rise(probe, 0.0, 0.5)
    assert 300_000 < probe.level < 390_000
    _rise(probe, 0.5, 2.5)
    assert probe.level > 3_000_000


def test_a_pause_of_the_machine_is_not_made_up_for() -> None:
    probe = Probe(300_000, 9_000_000, 0.0)
    probe.rise(5.0, 5.0)
    assert probe.level < 360_000


def test_it_never_exceeds_its_goal_and_is_over_when_that_has_held() -> None:
    probe = Probe(500_000, 600_000, 0.0)
    now = _rise(probe, 0.0, 1.0)
    assert probe.level == 600_000
    assert probe.held(now) < 600_000 or probe.is_over(now)
    now = _rise(probe, now, HELD_SECONDS)
    assert probe.is_over(now)
    assert probe.held(now) == pytest.approx(600_000)


def test_it_waits_for_the_receivers_word() -> None:
    probe = Probe(300_000, 9_000_000, 0.0)
    now = _rise(probe, 0.0, 1.0)
    level = probe.level
    _rise(probe, now, 2.0, vouched=now)
    assert probe.level < level * 1.6
    assert probe.held(now) < level


def test_it_rests_and_goes_on_from_where_it_was_and_what_was_not_sent_is_not_held() -> None:
    probe = Probe(300_000, 9_000_000, 0.0)
    now = _rise(probe, 0.0, 1.0)
    level = probe.level
    probe.rest(now + 0.1)
    assert probe.level == 0
    assert probe.held(now + 0.1 + HELD_SECONDS) == 0
    probe.rise(now + 0.2, now + 0.2)
    assert level < probe.level < level * 1.3


def test_nothing_is_held_at_first() -> None:
    probe = Probe(300_000, 900_000, 5.0)
    probe.rise(5.1, 5.1)
    assert probe.held(5.1) == 0.0
