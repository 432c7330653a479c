"""What a receiver's words say of its line, and what they may not do."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.line.estimate import LEAST
from media.line.loss_run import Loss
from tests.support.told_sender import SOUND, Sender


def test_nothing_is_known_of_a_line_that_carries_everything() -> None:
    sender = Sender()
    sender.send(1_500_000, 10, remb=2_000_000)
    sender.estimate.report(0.0, 0.05, sender.now)
    assert sender.estimate.carries == math.inf
    assert not sender.estimate.congested


def test_a_fall_says_what_the_line_carries_with_what_came_of_the_sound() -> None:
    sender = Sender()
    sender.send(700_000, 10, remb=900_000)
    sender.estimate.remb(430_000, sender.now)
    assert sender.estimate.carries == pytest.approx(430_000 / 0.85 * (0.95 + 40 / 660), rel=0.01)
    assert sender.estimate.congested
    sender.send(200_000, 1)
    assert not sender.estimate.congested


def test_a_growing_remb_raises_nothing() -> None:
    sender = Sender()
    sender.send(700_000, 5, remb=900_000)
    sender.estimate.remb(430_000, sender.now)
    carries = sender.estimate.carries
    sender.estimate.remb(2**40, sender.now + 0.1)
    assert sender.estimate.carries == carries


def test_a_fall_while_hardly_anything_is_sent_says_nothing() -> None:
    """After a pause a receiver takes what came in the last second for what the line carries."""
    sender = Sender()
    sender.send(700_000, 10, remb=900_000)
    sender.estimate.remb(430_000, sender.now)
    carries, signs = sender.estimate.carries, sender.estimate.signs
    sender.send(SOUND + 10_000, 2)
    sender.estimate.remb(9_000, sender.now)
    assert (sender.estimate.carries, sender.estimate.signs) == (carries, signs)


def test_what_was_sent_without_a_sign_fits_from_then_on() -> None:
    sender = Sender()
    sender.send(700_000, 5, remb=900_000)
    sender.estimate.remb(430_000, sender.now)
    sender.send(600_000, 5, remb=700_000)
    assert sender.estimate.carries == pytest.approx(600_000, rel=0.05)


def test_what_is_known_to_fit_survives_a_probe_for_more() -> None:
    sender = Sender()
    sender.send(300_000, 5, remb=400_000)
    sender.send(600_000, 0.5)
    sender.estimate.remb(150_000, sender.now)
    assert sender.estimate.carries > 270_000


def test_reports_count_where_there_is_no_remb() -> None:
    sender = Sender()
    sender.send(700_000, 5)
    sender.estimate.report(0.3, 0.05, sender.now)
    assert sender.estimate.suspect
    assert sender.estimate.carries == math.inf  # once is chance
    sender.send(700_000, 1)
    sender.estimate.report(0.3, 0.05, sender.now)
    assert sender.estimate.carries == pytest.approx(700_000 * 0.7 * 0.95, rel=0.05)


@pytest.mark.parametrize("remb", [None, 600_000])
def test_a_full_queue_is_known_by_its_delay_even_to_who_estimates(remb: float | None) -> None:
    """A queue that is full does not grow, so a receiver sees no over-use."""
    sender = Sender()
    for _ in range(3):
        sender.send(500_000, 1, remb=remb)
        sender.estimate.report(0.0, 0.05, sender.now)
    sender.send(500_000, 1, remb=remb)
    sender.estimate.report(0.2, 0.35, sender.now)
    assert sender.estimate.carries < 420_000


def test_a_line_that_carries_a_tenth_is_believed_at_once_whatever_fitted() -> None:
    """Retransmissions and a keyframe make that more was sent than ever when the line narrowed."""
    sender = Sender()
    sender.send(650_000, 10, remb=690_000)
    sender.send(1_300_000, 1)
    sender.estimate.remb(22_000, sender.now)
    assert sender.estimate.carries < 150_000


def test_of_a_probe_that_rises_the_share_that_came_tells_and_not_the_mean_of_a_second() -> None:
    sender = Sender()
    sender.send(250_000, 5, remb=250_000)
    sender.send(60_000, 0.7)
    sender.send(300_000, 0.4)
    sender.estimate.remb(120_000, sender.now)  # 0.85 of nearly all that was sent in a second
    assert 230_000 < sender.estimate.carries < 300_000


def test_a_fall_when_a_probe_has_just_begun_tells_little() -> None:
    """The receiver's own measure is still of the silence before."""
    sender = Sender()
    sender.send(700_000, 5, remb=900_000)
    sender.estimate.remb(380_000, sender.now)
    carries = sender.estimate.carries
    sender.send(SOUND, 5, remb=380_000)
    sender.send(400_000, 0.2)
    sender.estimate.remb(5_000, sender.now)
    assert sender.estimate.signs == 2
    assert sender.estimate.carries >= carries / 2


def test_a_report_of_what_was_sent_before_a_sign_is_no_other_sign() -> None:
    sender = Sender()
    sender.send(1_000_000, 3)
    sender.measure(0.03)
    sender.send(1_000_000, 1)
    sender.estimate.lost(Loss(0.6, sender.now - 0.5, sender.now), 0.3, sender.now)
    carries = sender.estimate.carries
    sender.send(300_000, 0.2)
    sender.estimate.report(0.3, 0.0, sender.now)
    sender.measure(0.03)
    sender.send(300_000, 0.9)
    sender.estimate.report(0.3, 0.0, sender.now)
    assert sender.estimate.carries == carries
    assert sender.estimate.signs == 1


def test_the_next_report_is_the_first_bad_one_again() -> None:
    sender = Sender()
    sender.send(1_000_000, 3)
    sender.measure(0.03)
    sender.estimate.lost(Loss(0.6, sender.now - 0.5, sender.now), 0.3, sender.now)
    for wait in (0.5, 1.1):  # the second one may still speak of what was sent before the sign
        sender.send(100_000, wait)
        sender.measure(0.03)
        sender.estimate.report(0.4, 0.03, sender.now)
    assert sender.estimate.signs == 1
    sender.send(100_000, 1)
    sender.measure(0.03)
    sender.estimate.report(0.4, 0.03, sender.now)
    assert sender.estimate.signs == 2


@pytest.mark.parametrize("room", [True, False])
def test_loss_is_past_where_a_train_shows_room(room: bool) -> None:
    """A train has lowered the picture before a sign came: the report speaks of the time before that."""
    sender = Sender()
    sender.send(1_000_000, 3)
    sender.measure(0.03)
    sender.send(60_000, 0.5)
    sender.estimate.train_came(300_000 if room else 50_000, sender.now)
    sender.send(60_000, 0.4)
    sender.measure(0.03)
    sender.estimate.report(0.3, 0.3, sender.now)
    assert sender.estimate.signs == (0 if room else 1)


def test_but_not_what_goes_on() -> None:
    """A line that drops what is too much at once, without a queue, lets a train pass."""
    sender = Sender()
    sender.send(400_000, 3)
    for _ in range(3):
        assert not sender.estimate.signs
        sender.estimate.train_came(5e6, sender.now)
        sender.measure(0.03)
        sender.send(400_000, 0.9)
        sender.estimate.report(0.15, 0.03, sender.now)
    assert sender.estimate.signs == 1


def test_a_remb_of_a_pause_is_no_sign_where_a_train_came_since() -> None:
    """The last report still shows what was lost before the pause."""
    sender = Sender()
    sender.send(1_000_000, 3)
    sender.estimate.remb(1_000_000, sender.now)
    sender.measure(0.03)
    sender.estimate.lost(Loss(0.6, sender.now - 0.5, sender.now), 0.3, sender.now)
    sender.send(60_000, 0.6)
    sender.measure(0.03)
    sender.estimate.train_came(350_000, sender.now)
    sender.estimate.report(0.3, 0.03, sender.now)
    assert sender.estimate.suspect
    sender.send(280_000, 0.6)
    sender.estimate.remb(100_000, sender.now)
    assert sender.estimate.signs == 1


def test_a_report_says_nothing_of_two_seconds_later() -> None:
    sender = Sender()
    sender.send(500_000, 5)
    sender.estimate.report(0.3, 0.0, sender.now)
    assert sender.estimate.suspect
    assert sender.estimate.stalls
    sender.send(300_000, 2)
    assert not sender.estimate.suspect
    assert not sender.estimate.stalls


def test_one_long_round_trip_is_chance_and_two_are_a_queue() -> None:
    sender = Sender()
    sender.measure(0.030, 0.035, 0.150)
    assert (sender.estimate.trips.queues, sender.estimate.stalls) == (1, False)
    sender.measure(0.160)
    assert (sender.estimate.trips.queues, sender.estimate.stalls) == (2, True)
    sender.measure(0.040)
    assert (sender.estimate.trips.queues, sender.estimate.stalls) == (0, False)


def test_a_short_round_trip_vouches_for_what_was_sent_and_a_long_one_does_not() -> None:
    sender = Sender()
    sender.measure(0.030)
    assert sender.estimate.vouched_at == pytest.approx(sender.now - 0.030)
    vouched_at = sender.estimate.vouched_at
    sender.measure(0.080)
    assert sender.estimate.vouched_at == vouched_at


def test_a_peer_that_answers_no_more_shows_no_queue() -> None:
    sender = Sender()
    sender.measure(0.030, 0.2, 0.2)
    sender.send(SOUND, 3.5)
    assert not sender.estimate.stalls


def test_the_shortest_round_trip_is_also_that_of_reports_before() -> None:
    """The first measurement comes when the queue is full."""
    sender = Sender()
    sender.send(500_000, 1)
    sender.estimate.report(0.0, 0.030, sender.now)
    sender.measure(0.300, 0.300)
    assert sender.estimate.trips.queues == 2


def test_only_a_queue_that_stays_is_given_way_to() -> None:
    sender = Sender()
    sender.send(100_000, 5)
    sender.measure(0.030, 0.3, 0.3)
    sender.estimate.give_way(sender.now)
    assert sender.estimate.carries == math.inf
    for _ in range(20):
        sender.send(100_000, 0.1)
        sender.estimate.round_trip(0.3, sender.now)
    sender.estimate.give_way(sender.now)
    assert sender.estimate.carries < 100_000
    carries = sender.estimate.carries
    sender.estimate.give_way(sender.now)  # once for each time
    assert sender.estimate.carries == carries


def test_loss_that_stays_when_less_is_sent_is_not_congestion() -> None:
    sender = Sender()
    for rate in (700_000, 700_000, 300_000, 300_000, 300_000, 300_000, 300_000):
        sender.send(rate, 1)
        sender.estimate.report(0.2, 0.05, sender.now)
    assert sender.estimate.signs == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2**81), st.floats(0, 1), st.floats(0, 5), st.floats(SOUND, 3_000_000)))
)
def test_no_words_of_a_viewer_take_its_sound_or_make_a_rate_that_is_none(
    words: list[tuple[int, float, float, float]],
) -> None:
    sender = Sender()
    sender.send(SOUND, 2)
    for bitrate, loss, rtt, rate in words:
        sender.send(rate, 0.4)
        sender.estimate.remb(bitrate, sender.now)
        sender.estimate.report(loss, rtt, sender.now)
        sender.estimate.round_trip(rtt, sender.now)
        sender.estimate.give_way(sender.now)
        assert sender.estimate.carries >= SOUND * 0.9 + LEAST
        assert (sender.estimate.carries == math.inf) >= (sender.estimate.signs == 0)


def test_a_queue_is_told_by_round_trips_and_by_reports_but_not_by_losses() -> None:
    sender = Sender()
    sender.send(700_000, 3)
    sender.estimate.report(0.10, 0.05, sender.now)
    assert not sender.estimate.is_queued(sender.now)
    sender.estimate.report(0.0, 0.30, sender.now)
    assert sender.estimate.is_queued(sender.now)
    sender.send(700_000, 3)
    assert not sender.estimate.is_queued(sender.now)
    for _ in range(2):
        sender.estimate.round_trip(0.30, sender.now)
    assert sender.estimate.is_queued(sender.now)
