"""What each kind of evidence says of a line, and what it may not say."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.line.estimate import LEAST_BITRATE, State
from media.line.loss_run import Loss
from tests.support.told_sender import SOUND, Sender


def test_nothing_is_known_of_a_line_that_carries_everything(sender: Sender) -> None:
    sender.measure(1_000_000, *[0.03] * 20)
    for _ in range(5):
        sender.send(1_000_000, 1)
        sender.report(0, 100, 0.05)
        sender.estimate.remb(round(1e6 + sender.now), sender.now)
    assert (sender.estimate.carries, sender.estimate.signs) == (math.inf, 0)
    assert sender.estimate.state(sender.now) is State.CLEAR


def test_what_was_sent_without_a_sign_fits_from_then_on(sender: Sender) -> None:
    sender.lose(0.7)
    assert sender.estimate.carries < 300_000
    sender.send(600_000, 5)
    assert sender.estimate.carries == pytest.approx(600_000, rel=0.02)


# --- arrivals: round trips, trains, and packets that are requested again


@pytest.mark.parametrize("times", [2, 4])
def test_what_comes_out_of_a_queue_that_grows_is_what_the_line_carries(sender: Sender, times: int) -> None:
    sender.fill(1_000_000, times, answers=10)
    assert sender.estimate.carries == pytest.approx(1_000_000 / times, rel=0.1)
    assert sender.estimate.state(sender.now) is State.QUEUE


def test_the_first_measure_of_a_queue_may_raise_what_is_known_and_later_ones_only_lower_it(
    sender: Sender,
) -> None:
    sender.lose(0.9)
    low = sender.estimate.carries
    sender.send(SOUND, 4)  # while packets are lost it raises nothing
    sender.fill(1_000_000, 2, answers=8)
    raised = sender.estimate.carries
    assert raised == pytest.approx(500_000, rel=0.1) != low
    for n in range(10):  # by then the queue is full, and packets are lost that do not count here
        sender.send(500_000, 0.2)
        sender.estimate.round_trip(0.75 + 0.15 * n, sender.now)
    assert sender.estimate.carries < raised


def test_a_queue_raises_nothing_while_packets_are_missed(sender: Sender) -> None:
    sender.lose(0.9)
    low = sender.estimate.carries
    sender.send(SOUND, 4)
    sender.estimate.missed(sender.now)
    sender.fill(1_000_000, 2, answers=6)
    assert sender.estimate.carries <= 2 * low < 250_000


def test_one_long_round_trip_is_chance_and_a_queue_that_drains_is_no_sign(sender: Sender) -> None:
    sender.measure(1_000_000, 0.03, 0.15)
    assert sender.estimate.state(sender.now) is State.CLEAR
    sender.measure(SOUND, 0.5, 0.4, 0.3, 0.2, 0.1)
    assert (sender.estimate.signs, sender.estimate.carries) == (0, math.inf)


def test_a_queue_that_stays_though_far_less_is_sent_is_not_ours(sender: Sender) -> None:
    sender.measure(1_000_000, 0.03, *[0.3] * 30)
    assert sender.estimate.carries < 1_000_000  # it may be, and neither grows nor drains
    sender.estimate.carries = 300_000
    sender.send(300_000, 0.5)
    sender.measure(300_000, *[0.3] * 60)
    assert sender.estimate.carries >= 900_000  # as before
    assert sender.estimate.state(sender.now) is State.CLEAR


def test_a_queue_that_loses_packets_says_nothing_of_whose_it_is(sender: Sender) -> None:
    """It is as long as it can be, however much more is sent than comes through."""
    sender.measure(1_000_000, 0.03, *[0.3] * 30)
    known = sender.estimate.carries = 300_000
    for _ in range(60):
        sender.measure(300_000, 0.3)
        sender.estimate.missed(sender.now)
    assert (sender.estimate.carries, sender.estimate.is_shared) == (known, False)
    assert sender.estimate.is_queued
    sender.measure(300_000, *[0.3] * 30)
    assert sender.estimate.is_shared  # it loses none any more


@pytest.mark.parametrize(
    ("rate", "seconds", "times", "is_sign"),
    [
        (700e3, 1.8, 1.2, False),
        (800e3, 1.8, 1.2, True),
        (700e3, 1.8, 1.5, True),  # by so much it cannot be
        (700e3, 4.0, 1.0, False),
        (800e3, 4.0, 1.0, True),
    ],
)
def test_a_queue_is_not_ours_while_we_send_far_less_than_the_line_carries(
    sender: Sender, rate: float, seconds: float, times: float, is_sign: bool
) -> None:
    """What comes through says then how fast others fill the line."""
    sender.estimate.carries = 1_000_000.0
    sender.measure(rate, *[0.03] * 5)
    began = sender.now
    while sender.now < began + seconds:
        sender.send(rate, 0.3)
        sender.estimate.round_trip(0.2 + (times - 1) * (sender.now - began), sender.now)
    assert (sender.estimate.signs > 0) is is_sign


def test_a_queue_that_stays_though_nothing_less_could_be_sent_is_not_ours(sender: Sender) -> None:
    sender.measure(SOUND, 0.03, *[0.3] * 60)
    assert sender.estimate.signs == 0
    assert sender.estimate.is_shared


def test_a_train_is_the_most_that_a_line_carries_and_not_what_it_does(sender: Sender) -> None:
    sender.lose(0.7)
    carries = sender.estimate.carries
    sender.estimate.train_came(5e6, sender.now)
    assert sender.estimate.carries == carries
    assert sender.estimate.most(sender.now) == 5e6
    assert sender.estimate.most(sender.now + 1.1) is None


@pytest.mark.parametrize(
    ("full", "later", "carries"),
    [
        (500e3, (5e6, 5e6), 5e6),
        (500e3, (math.inf, 900e3), 900e3),
        (300e3, (5e6, 5e6), 5e6),  # a train that measures less than comes was held up
        (1e6, (5e6, 5e6), 2.5e6),  # others have half of the line
        (500e3, (5e6, 500e3, 5e6), 500e3),  # a single one may have been held up, and have come at once
        (500e3, (700e3, 700e3), 500e3),
        (math.inf, (5e6, 5e6), 500e3),  # it lets bursts pass: trains say nothing of it
    ],
)
def test_trains_say_how_many_times_more_a_line_carries_than_when_it_was_full(
    sender: Sender, full: float, later: tuple[float, ...], carries: float
) -> None:
    sender.fill(1_000_000, 2)
    sender.send(SOUND, 1.2)
    sender.estimate.carries = 500e3
    for train in (full, *later):
        sender.send(SOUND, 0.5)
        sender.estimate.train_came(train, sender.now, sender.now - 0.1)
    assert sender.estimate.carries == pytest.approx(carries)
    assert sender.estimate.may_have_opened(sender.now) is (len(later) == 3)  # a second train is to say so
    assert not sender.estimate.may_have_opened(sender.now + 1.1)


@pytest.mark.parametrize(
    ("train", "seconds", "age", "carries"),
    [
        (234e3, 0.5, 0.1, 234e3),
        (5e6, 0.5, 0.1, 850e3),  # no more than surely came through
        (5e6, 0.1, 0.2, 95e3),  # it left before the sign
        (234e3, 3.1, 0.1, 95e3),  # by then it may be another line
    ],
)
def test_what_lost_packets_leave_open_the_next_train_decides(
    sender: Sender, train: float, seconds: float, age: float, carries: float
) -> None:
    sender.estimate.lost(Loss(0.9, 0.15, sender.now - 0.5, sender.now), sender.now)
    sender.send(SOUND, seconds)
    sender.estimate.train_came(train, sender.now, sender.now - age)
    assert sender.estimate.carries == pytest.approx(carries, rel=0.02)


@pytest.mark.parametrize(
    ("sent_for", "known", "least", "carries"),
    [
        (4.0, math.inf, math.inf, 850e3),  # what nothing spoke against before
        (4.0, 500e3, math.inf, 500e3),
        (4.0, 500e3, 3e6, 500e3),  # it was read in parts
        (4.0, 500e3, 400e3, 400e3),
        (0.5, math.inf, math.inf, 95e3),  # nothing was known before
    ],
)
def test_a_train_that_measures_no_rate_says_of_losses_no_more_than_was_known(
    sent_for: float, known: float, least: float, carries: float
) -> None:
    """A policer lets it pass, and after an outage it passes, too."""
    sender = Sender()
    sender.send(1_000_000, sent_for)
    sender.estimate.carries = known
    sender.estimate.lost(Loss(0.9, 0.15, sender.now - 0.4, sender.now), sender.now)
    sender.estimate.train_came(math.inf, sender.now, sender.now, least)
    assert sender.estimate.carries == pytest.approx(carries, rel=0.02)


def test_a_train_of_before_does_not_close_what_lost_packets_leave_open(sender: Sender) -> None:
    """It left in the flood of a join, which lost packets. That the flood was too much is known."""
    sender.estimate.lost(Loss(0.9, 0.15, sender.now - 0.5, sender.now), sender.now)
    signs = sender.estimate.signs
    sender.estimate.train_came(234e3, sender.now, sender.now - 0.3)
    assert sender.estimate.signs == signs
    sender.send(SOUND, 0.3)
    sender.estimate.train_came(234e3, sender.now, sender.now - 0.1)
    assert sender.estimate.carries == pytest.approx(234e3)


@pytest.mark.parametrize(
    ("before", "age", "carries"),
    [
        (190e3, 0.1, 429e3),  # the line opened when it had just been full
        (5e6, 0.1, 100e3),  # it was another line before the sign
        (190e3, 1.1, 100e3),  # it may have been
    ],
)
def test_of_the_trains_before_and_after_a_sign_the_lower_one_is_of_the_full_line(
    sender: Sender, before: float, age: float, carries: float
) -> None:
    sender.estimate.train_came(before, sender.now, sender.now - 0.1)
    sender.send(1_000_000, age)
    sender.lose(0.9)
    for _ in range(3):
        sender.send(SOUND, 0.5)
        sender.estimate.train_came(815e3, sender.now, sender.now - 0.1)
    assert sender.estimate.carries == pytest.approx(carries, rel=0.01)


@pytest.mark.parametrize(("apart", "is_decided"), [(2.9, True), (3.2, False)])
def test_what_is_lost_again_within_three_seconds_no_train_decides(
    sender: Sender, apart: float, is_decided: bool
) -> None:
    for seconds in (apart, 0.0):
        sender.estimate.lost(Loss(0.9, 0.15, sender.now - 0.5, sender.now), sender.now)
        sender.send(500_000, seconds)
    carries = sender.estimate.carries
    sender.send(SOUND, 0.5)
    sender.estimate.train_came(5e6, sender.now, sender.now - 0.1)
    assert (sender.estimate.carries == carries) is is_decided


@pytest.mark.parametrize(("least", "is_ours"), [(5e6, False), (200e3, True)])
def test_only_what_a_train_surely_says_of_a_line_lets_others_fill_it(
    sender: Sender, least: float, is_ours: bool
) -> None:
    """What a busy receiver reads at once comes as if the line were wide."""
    sender.measure(1_000_000, 0.03)
    sender.estimate.train_came(math.inf, sender.now, sender.now - 0.02, least)
    for answers in range(6):
        sender.send(1_000_000, 0.2)
        sender.estimate.round_trip(0.03 + 0.1 * (answers + 1), sender.now)
    assert (sender.estimate.signs > 0) == is_ours


@pytest.mark.parametrize(("least", "carries"), [(5e6, 5e6), (700e3, 500e3)])
def test_that_a_line_has_opened_two_trains_must_surely_say(
    sender: Sender, least: float, carries: float
) -> None:
    sender.fill(1_000_000, 2)
    sender.send(SOUND, 1.2)
    sender.estimate.carries = 500e3
    sender.estimate.train_came(500e3, sender.now, sender.now - 0.1)
    for _ in range(2):
        sender.send(SOUND, 0.5)
        sender.estimate.train_came(math.inf, sender.now, sender.now - 0.1, least)
    assert sender.estimate.carries == carries


def test_a_train_that_says_less_than_the_one_before_lets_that_stand_for_three_seconds(sender: Sender) -> None:
    sender.estimate.train_came(5e6, sender.now)
    began = sender.estimate.trained_at
    for seconds in (1.0, 1.9, 0.2):
        assert sender.estimate.trained_at == began
        sender.send(1_000_000, seconds)
        sender.estimate.train_came(math.inf, sender.now, sender.now - 0.1, 100e3)
    assert sender.estimate.most(sender.now) == math.inf


@pytest.mark.parametrize("least", [100e3, 6e6])
def test_a_train_that_denies_the_one_before_counts(sender: Sender, least: float) -> None:
    sender.estimate.train_came(5e6, sender.now)
    sender.send(1_000_000, 0.5)
    sender.estimate.train_came(300e3 if least < 5e6 else math.inf, sender.now, sender.now - 0.1, least)
    assert sender.estimate.trained_at == sender.now


def test_a_train_that_was_read_late_raises_the_estimate_after_a_queue_no_further_than_it_surely_says(
    sender: Sender,
) -> None:
    sender.estimate.held_back(400_000, sender.now)
    sender.send(SOUND, 0.3)
    sender.estimate.train_came(math.inf, sender.now, least=420_000)
    sender.estimate.drained(sender.now)
    assert sender.estimate.carries == 420_000


def test_a_single_long_round_trip_shows_no_queue_that_pictures_could_wait_in(sender: Sender) -> None:
    sender.measure(1_000_000, 0.03, 0.2)
    assert sender.estimate.queued_at == -math.inf
    sender.measure(1_000_000, 0.2)
    assert sender.estimate.queued_at == sender.now


def test_of_trains_that_measure_less_than_is_sent_a_second_one_is_a_sign(sender: Sender) -> None:
    sender.estimate.tripped_at = -math.inf
    sender.estimate.train_came(300_000, sender.now)
    assert sender.estimate.carries == math.inf
    sender.send(1_000_000, 0.4)
    sender.estimate.train_came(310_000, sender.now)
    assert sender.estimate.carries == pytest.approx(310_000)


def test_beside_another_sign_the_first_train_is_one(sender: Sender) -> None:
    sender.measure(1_000_000, 0.03, 0.2)
    sender.estimate.train_came(300_000, sender.now)
    assert sender.estimate.carries == pytest.approx(300_000)


def test_what_is_lost_tells_what_the_line_let_through(sender: Sender) -> None:
    sender.lose(0.6)
    assert sender.estimate.carries == pytest.approx(0.95 * 400_000, rel=0.02)
    assert sender.estimate.lost_share == pytest.approx(0.6)
    assert sender.estimate.state(sender.now) is State.LOSING


def test_little_loss_is_a_tripwire_and_no_sign(sender: Sender) -> None:
    sender.estimate.lost(Loss(0.2, 0.05, sender.now - 0.5, sender.now), sender.now)
    assert (sender.estimate.signs, sender.estimate.tripped_at) == (0, sender.now)


def test_what_was_lost_before_less_was_sent_is_no_other_sign(sender: Sender) -> None:
    sender.lose(0.6)
    sender.estimate.sends_less(sender.now)
    sender.send(300_000, 0.4)
    sender.lose(0.6, 0.8)
    sender.report(300, 1000)
    assert sender.estimate.signs == 1


def test_losses_that_stay_though_far_less_is_sent_are_the_lines_own(sender: Sender) -> None:
    sender.lose(0.3)
    sender.estimate.sends_less(sender.now)
    for _ in range(6):
        sender.send(300_000, 1)
        sender.report(30, 100)
    assert sender.estimate.carries == math.inf
    signs = sender.estimate.signs
    sender.send(1_000_000, 1)
    sender.report(30, 100)
    assert sender.estimate.signs == signs
    sender.report(60, 100)  # that is more than its own
    assert sender.estimate.signs > signs


@pytest.mark.parametrize(
    ("on_purpose", "lost", "own"),
    [
        (True, 24, True),
        (True, 37, True),
        (True, 23, False),
        (True, 38, False),  # of so much less: that is another loss
        (
            False,
            30,
            False,
        ),  # what fell by itself, as after a join's burst, may still be more than comes through
    ],
)
def test_only_as_much_loss_of_what_is_less_on_purpose_is_the_lines_own(
    sender: Sender, on_purpose: bool, lost: int, own: bool
) -> None:
    sender.lose(0.3)
    if on_purpose:
        sender.estimate.sends_less(sender.now)
    for _ in range(6):
        sender.send(300_000, 1)
        sender.report(lost, 100)
    assert (sender.estimate.carries == math.inf) is own


def test_what_a_doubted_sign_took_is_given_back(sender: Sender) -> None:
    sender.lose(0.2)
    sender.estimate.doubt()
    assert (sender.estimate.carries, sender.estimate.lost_share) == (math.inf, None)


@pytest.mark.parametrize(
    ("share", "train", "carries"),
    [
        (0.0, 430_000.0, 430_000.0),
        (0.0, 900_000.0, 0.95 * 400_000),  # so much less comes: others are on the line
        (0.6, 430_000.0, 0.95 * 400_000),  # or, where packets are lost, may be
        (0.6, 200_000.0, 200_000.0),
        (0.6, 5_000.0, SOUND + LEAST_BITRATE),
    ],
)
def test_after_a_queue_a_train_says_what_the_line_carries_but_not_our_share_of_it(
    sender: Sender, share: float, train: float, carries: float
) -> None:
    if share:
        sender.lose(share)
    else:
        sender.estimate.held_back(400_000, sender.now)
    sender.send(SOUND, 0.3)
    sender.estimate.train_came(train, sender.now)
    sender.estimate.drained(sender.now)
    assert sender.estimate.carries == pytest.approx(carries, rel=0.02)


# --- streams: what waits for a TCP connection


def test_the_rate_at_which_a_backlog_moves_is_what_the_line_carries_each_time_anew(sender: Sender) -> None:
    for rate in (300_000, 500_000, 400_000):
        sender.estimate.held_back(rate, sender.now)
        assert sender.estimate.carries == pytest.approx(0.95 * rate)
        sender.send(1_000_000, 1)


def test_over_tcp_a_queue_only_raises_what_is_known(sender: Sender) -> None:
    sender.estimate.is_stream = True
    sender.fill(1_000_000, 2, answers=8)
    assert (sender.estimate.signs, sender.estimate.carries) == (0, math.inf)
    sender.estimate.held_back(200_000, sender.now)
    sender.send(SOUND, 2)
    sender.fill(1_000_000, 2, answers=8)
    assert sender.estimate.carries == pytest.approx(0.95 * 500_000, rel=0.1)


def test_a_short_queue_of_tcp_is_none(sender: Sender) -> None:
    sender.estimate.is_stream = True
    sender.measure(1_000_000, 0.03, *[0.15] * 5)
    assert sender.estimate.state(sender.now) is State.CLEAR
    sender.measure(1_000_000, *[0.3] * 5)
    assert sender.estimate.state(sender.now) is State.QUEUE


# --- what is left in the queue, and room for retransmissions


def test_the_queue_is_what_was_sent_behind_the_last_packet_that_is_known_to_have_come(sender: Sender) -> None:
    sender.fill(1_000_000, 2, answers=5)
    assert sender.estimate.queue(sender.now) == pytest.approx(0.4)
    stopped_at = sender.now
    sender.send(SOUND, 0.3)
    sender.estimate.train_came(500_000, sender.now, stopped_at)
    assert sender.estimate.queue(sender.now) == pytest.approx(SOUND * 0.3 / 475_000, rel=0.1)
    sender.estimate.train_came(500_000, sender.now, stopped_at - 1.0)  # that takes nothing back
    assert sender.estimate.queue(sender.now) == pytest.approx(SOUND * 0.3 / 475_000, rel=0.1)


def test_a_peer_that_answers_no_more_shows_no_queue(sender: Sender) -> None:
    sender.measure(1_000_000, 0.03, 0.2, 0.2)
    assert sender.estimate.is_queued
    sender.send(SOUND, 3.5)
    sender.estimate.trips.tick(sender.now)
    assert not sender.estimate.is_queued
    assert not sender.estimate.answers


def test_a_full_line_takes_no_retransmission_that_it_does_not_carry(sender: Sender) -> None:
    assert sender.estimate.room(400_000, sender.now) == math.inf
    sender.lose(0.5)
    carries = sender.estimate.carries
    assert sender.estimate.room(carries + 1_000, sender.now) == 0
    assert sender.estimate.room(carries - 100_000, sender.now) == pytest.approx(100_000)


# --- whatever is said


def test_answers_that_are_held_back_show_no_fast_line(sender: Sender) -> None:
    """Of pings that left one after the other, all answers come at once, and in any order."""
    sender.lose(0.9)
    sender.measure(300_000, 0.03)
    sender.send(300_000, 2.0)
    for seconds in (1.5, 0.4, 0.5, 1.0, 1.2, 1.19):
        sender.estimate.round_trip(seconds, sender.now)
    assert sender.estimate.carries <= 350_000


_WORDS = st.one_of(
    st.tuples(st.just("remb"), st.one_of(st.sampled_from([0, 2**60]), st.integers(0, 2**81))),
    st.tuples(
        st.just("report"), st.integers(0, 2**24), st.integers(1, 2**32), st.floats(-9, 9), st.floats(0, 16)
    ),
    st.tuples(st.just("lost"), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1000)),
    st.tuples(st.just("train"), st.one_of(st.just(math.inf), st.floats(1, 1e12)), st.floats(-9, 1)),
    st.tuples(st.just("trip"), st.floats(0, 16)),
    st.tuples(st.just("backlog"), st.floats(0, 1e9)),
    st.tuples(st.just("drained")),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_WORDS, st.floats(SOUND, 3_000_000)), max_size=40), st.booleans())
def test_no_words_take_the_sound_and_none_give_more_than_is_known(
    words: list[tuple[tuple[Any, ...], float]], is_stream: bool
) -> None:
    """What the line carries is no limit until a sign, and then no more than was sent or measured."""
    sender = Sender()
    estimate = sender.estimate
    estimate.is_stream = is_stream
    sender.send(SOUND, 2)
    most = SOUND + LEAST_BITRATE
    for (word, *said), rate in words:
        sender.send(rate, 0.4)
        most = max(most, rate + LEAST_BITRATE)
        if word == "remb":
            estimate.remb(said[0], sender.now)
        elif word == "report":
            lost, expected, ago, rtt = said
            estimate.report(lost, expected, sender.now - ago, rtt, sender.now)
        elif word == "lost":
            share, certain, age = said
            estimate.lost(Loss(share, certain, sender.now - age - 0.3, sender.now - age), sender.now)
        elif word == "train":
            estimate.train_came(said[0], sender.now, sender.now + said[1])
            most = max(most, said[0])
        elif word == "trip":
            estimate.round_trip(said[0], sender.now)
        elif word == "backlog":
            estimate.held_back(said[0], sender.now)
            most = max(most, said[0])
        elif estimate.signs:
            estimate.drained(sender.now)
        assert estimate.carries >= SOUND * 0.9 + LEAST_BITRATE
        assert estimate.carries == math.inf or estimate.carries <= most * 1.2
        assert len(estimate._queued) <= 32
