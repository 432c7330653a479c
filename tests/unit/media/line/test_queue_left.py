"""How much of a queue is left by now: of what was sent behind the last packet that is known to have come."""

import pytest

from tests.support.told_sender import SOUND, Sender

RATE = 500_000.0


def queued() -> Sender:
    """It has sent 1 Mbit/s into a line of half of that, behind which nothing was heard since."""
    sender = Sender()
    sender.measure(0.02)
    sender.send(1_000_000, 1.0)
    sender.estimate.round_trip(0.3, sender.now)
    return sender


def test_while_as_much_is_sent_it_is_what_a_round_trip_shows() -> None:
    sender = queued()
    assert sender.estimate.queue(RATE, sender.now) == pytest.approx(0.28)


def test_a_line_without_a_queue_has_none_however_much_was_sent_since() -> None:
    sender = queued()
    sender.estimate.round_trip(0.02, sender.now)
    sender.send(1_000_000, 1.0)
    assert sender.estimate.queue(RATE, sender.now) == 0


def test_when_less_is_sent_it_is_of_that_as_soon_as_what_was_sent_before_has_come() -> None:
    sender = queued()
    stopped_at = sender.now
    sender.send(SOUND, 0.3)
    assert sender.estimate.queue(RATE, sender.now) == pytest.approx(0.28)  # nobody has said that it drains
    sender.estimate.train_came(RATE, sender.now, stopped_at)
    assert sender.estimate.queue(RATE, sender.now) == pytest.approx(SOUND * 0.3 / RATE, rel=0.01)


def test_a_train_that_left_before_has_the_rest_behind_it() -> None:
    sender = queued()
    stopped_at = sender.now
    sender.send(SOUND, 0.2)
    sender.estimate.train_came(RATE, sender.now, stopped_at - 0.1)
    assert sender.estimate.queue(RATE, sender.now) == pytest.approx((100_000 + SOUND * 0.2) / RATE, rel=0.01)


def test_a_later_word_of_what_was_sent_earlier_takes_nothing_back() -> None:
    sender = queued()
    sender.send(SOUND, 0.3)
    sender.estimate.train_came(RATE, sender.now, sender.now)
    sender.estimate.train_came(RATE, sender.now, sender.now - 1.0)
    assert sender.estimate.queue(RATE, sender.now) == 0


def test_a_line_that_takes_all_at_once_has_none() -> None:
    sender = queued()
    assert sender.estimate.queue(float("inf"), sender.now) == 0
