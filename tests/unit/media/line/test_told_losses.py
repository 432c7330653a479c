"""What requests for lost packets say of a line."""

import pytest

from media.line.estimate import LineEstimate
from media.line.loss_run import Loss
from tests.support.told_sender import SOUND, Sender


def test_what_is_lost_tells_what_the_line_carries_however_much_was_sent_before() -> None:
    sender = Sender()
    sender.send(1_000_000, 6, remb=100_000)
    sender.estimate.report(0.4, 0.0, sender.now)
    sender.send(1_000_000, 0.5)
    sender.estimate.lost(Loss(0.8, sender.now - 0.4, sender.now), 0.3, sender.now)
    assert sender.estimate.carries == pytest.approx(0.95 * 200_000, rel=0.01)
    sender.send(100_000, 0.5)  # the rest of what was lost was sent before
    sender.estimate.lost(Loss(0.7, sender.now - 0.9, sender.now - 0.6), 0.3, sender.now)
    assert sender.estimate.carries == pytest.approx(0.95 * 200_000, rel=0.01)


def test_what_came_counts_as_much_as_the_share_that_was_lost() -> None:
    sender = Sender()
    sender.send(1_000_000, 6)
    sound = sender.estimate.carries  # of what is sent, all is known to fit
    loss = Loss(0.8, sender.now - 0.4, sender.now)
    sender.estimate.lost(loss, 0.3, sender.now, 100_000.0)
    by_share, by_what_came = 0.95 * 200_000, 0.95 * (100_000 + SOUND)
    assert sender.estimate.carries < sound
    assert sender.estimate.carries == pytest.approx((by_share + by_what_came) / 2, rel=0.02)


def test_a_viewer_that_joins_a_full_line_is_judged_by_what_came() -> None:
    estimate = LineEstimate(10.0)
    estimate.lost(Loss(0.8, 10.1, 10.3), 0.3, 10.4, 150_000.0)
    assert estimate.carries == pytest.approx(0.95 * 150_000)


def test_a_fall_while_there_is_room_and_no_queue_is_the_receivers_own() -> None:
    sender = Sender()
    sender.send(1_000_000, 4, remb=900_000)
    sender.measure(0.03)
    sender.send(1_000_000, 0.5)
    sender.estimate.lost(Loss(0.75, sender.now - 0.4, sender.now), 0.3, sender.now)
    carries, signs = sender.estimate.carries, sender.estimate.signs
    sender.send(100_000, 0.8)
    sender.measure(0.03)
    sender.send(100_000, 0.2)
    sender.estimate.remb(60_000, sender.now)
    sender.estimate.remb(15_000, sender.now)
    assert (sender.estimate.carries, sender.estimate.signs) == (carries, signs)
    sender.measure(0.3, 0.3)
    sender.send(100_000, 0.2)
    sender.estimate.remb(5_000, sender.now)
    assert sender.estimate.signs > signs


def test_what_is_lost_is_told_of_a_viewer_that_was_hardly_asked() -> None:
    estimate = LineEstimate(10.0)
    estimate.sent(150_000, 5_000, 11.0)  # 1.2 Mbit/s since it joined
    estimate.lost(Loss(0.75, 10.5, 10.9), 0.3, 11.0)
    assert estimate.carries == pytest.approx(0.95 * 300_000)


def test_loss_that_stays_though_less_is_sent_is_the_lines_own() -> None:
    sender = Sender()
    sender.send(1_000_000, 4)
    sender.estimate.lost(Loss(0.3, sender.now - 0.5, sender.now), 0.0, sender.now)
    sender.send(500_000, 1)
    signs = sender.estimate.signs
    for _ in range(5):
        sender.send(500_000, 0.5)
        sender.estimate.lost(Loss(0.3, sender.now - 0.5, sender.now), 0.0, sender.now)
    assert sender.estimate.signs == signs


def test_a_full_line_takes_no_retransmission_that_it_does_not_carry() -> None:
    sender = Sender()
    sender.send(1_000_000, 4)
    assert sender.estimate.has_room(sender.now)
    sender.estimate.lost(Loss(0.5, sender.now - 0.5, sender.now), 0.3, sender.now)
    assert not sender.estimate.has_room(sender.now)
    sender.send(300_000, 0.6)
    assert sender.estimate.has_room(sender.now)
    sender.send(1_000_000, 0.6)
    assert not sender.estimate.has_room(sender.now)
    sender.send(1_000_000, 2)
    assert sender.estimate.has_room(sender.now)


def test_a_queue_that_drains_takes_what_was_lost_and_one_that_stays_does_not() -> None:
    sender = Sender()
    sender.measure(0.03)
    sender.send(300_000, 1)
    sender.measure(0.3, 0.3)
    assert not sender.estimate.has_room(sender.now)  # nothing says what the line carries
    sender.estimate.train_came(300_000, sender.now)
    assert sender.estimate.has_room(sender.now)
    sender.send(290_000, 0.5)
    sender.estimate.round_trip(0.3, sender.now)
    assert not sender.estimate.has_room(sender.now)
