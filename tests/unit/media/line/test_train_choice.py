"""What a viewer gets by what trains of packets tell."""

import math

import pytest

from media.line.train_choice import Belief
from tests.support.choosing_viewer import RUNGS
from tests.support.trained_line import SOUND, Line


@pytest.mark.parametrize(
    ("rate", "rung"),
    [
        (730_000, 1),
        (700_000, 2),  # the keyframes of a layer above the lowest one need more room
        (225_000, 2),
        (220_000, 3),  # the lowest temporal layer, whose keyframes are those of the layer
        (170_000, 3),
        (165_000, 4),
    ],
)
def test_after_a_pause_it_is_a_picture_whose_keyframes_pass(rate: float, rung: int) -> None:
    rungs = [1.6e6, 540e3, 190e3, 150e3, 60e3, 40e3]
    line = Line()
    line.choice.pause(rungs, 0, 1)
    line.send()
    line.wait(0.3)
    line.estimate.train_came(rate, line.now)
    assert line.choice.take(rungs, 5, line.now) == rung


def test_a_line_that_carries_no_moving_picture_by_the_sign_is_not_filled_further() -> None:
    line = Line()
    assert line.choice.pause(RUNGS, 0, 3) == 3
    assert not line.choice.is_urgent


def test_a_train_never_gives_back_what_a_sign_has_taken() -> None:
    line = Line()
    line.choice.pause(RUNGS, 1, 2)
    line.send()
    assert line.train(50_000_000, SOUND) == 2


def test_without_an_answer_the_sign_alone_counts() -> None:
    line = Line()
    line.choice.pause(RUNGS, 0, 2)
    line.send()
    line.wait(0.6)
    assert line.choice.take(RUNGS, SOUND, line.now) == SOUND
    line.wait(0.2)
    assert line.choice.take(RUNGS, SOUND, line.now) == 2


def test_more_signs_during_a_pause_count() -> None:
    line = Line()
    line.choice.pause(RUNGS, 0, 1)
    line.send()
    line.wait(0.2)
    line.estimate.deny(200_000)
    line.wait(0.6)
    assert line.choice.take(RUNGS, SOUND, line.now) == 2


def test_a_rung_that_is_gone_meanwhile_is_not_aimed_at() -> None:
    line = Line()
    line.choice.pause(RUNGS, 0, 2)
    line.send()
    line.wait(0.8)
    line.estimate.deny(700_000)
    without = [*RUNGS[:2], math.inf, *RUNGS[3:]]
    assert line.choice.take(without, SOUND, line.now) == 1


def test_over_tcp_a_pause_ends_at_once() -> None:
    line = Line()
    line.choice.pause(RUNGS, 0, 2)
    line.choice.can_train = False
    assert line.choice.take(RUNGS, SOUND, line.now) == 2
    assert not line.choice.wants(line.now, watches=True)


def test_word_of_a_train_that_comes_long_after_it_is_not_believed() -> None:
    line = Line()
    line.estimate.train_came(250_000, line.now)
    line.wait(5.0)
    assert line.choice.take(RUNGS, SOUND, line.now) == SOUND


def test_a_wide_line_is_tried_by_a_probe_not_by_a_train() -> None:
    line = Line()
    assert line.train(math.inf, SOUND) == 2
    assert line.estimate.carries < RUNGS[1]


def test_a_viewer_that_does_not_answer_to_trains_is_asked_for_none() -> None:
    line = Line(can_train=False)
    assert line.choice.pause(RUNGS, 0, 2) == 2
    line.choice.ask()
    line.queue()
    assert not line.choice.wants(line.now, watches=True)
    assert line.choice.most(line.now) == line.choice.most_probed(line.now) == math.inf


@pytest.mark.parametrize(("rate", "rung"), [(250_000, 2), (100_000, SOUND), (50_000_000, 2)])
def test_sound_alone_becomes_the_lowest_moving_picture_and_no_better_one(rate: float, rung: int) -> None:
    assert Line().train(rate, SOUND) == rung


def test_what_a_train_promised_and_the_line_does_not_carry_is_not_believed_again_at_once() -> None:
    line = Line()
    assert line.train(250_000, SOUND) == 2
    line.wait(1.0)
    line.choice.fell(line.now)
    line.wait(0.5)
    assert line.train(250_000, SOUND) == SOUND
    line.wait(1.0)
    assert line.train(250_000, SOUND) == 2


def test_a_train_lowers_a_picture_that_fills_a_queue_and_no_other() -> None:
    line = Line()
    line.queue()
    assert line.choice.wants(line.now, watches=False)
    assert line.train(900_000, 1) == 1
    assert line.train(300_000, 1) == 2


@pytest.mark.parametrize(("share", "rung"), [(0.7, 1), (0.9, 0)])
def test_far_less_than_a_picture_needs_is_no_chance_where_there_is_a_queue(share: float, rung: int) -> None:
    line = Line()
    line.queue(trips=1)
    assert line.train(RUNGS[0] * share, 0) == rung


def test_two_trains_one_after_the_other_lower_a_picture_also_where_no_queue_is_seen() -> None:
    line = Line()
    assert line.train(300_000, 1) == 1
    assert line.choice.wants(line.now, watches=False)
    line.wait(0.4)
    assert line.train(300_000, 1) == 2


def test_after_a_join_a_single_train_decides() -> None:
    line = Line()
    line.choice.join(line.now)
    assert line.choice.wants(line.now, watches=False)
    line.choice.sent(line.now)
    assert not line.choice.wants(line.now, watches=False)
    line.wait(0.3)
    assert line.train(300_000, 1) == 2
    line.wait(1.0)
    assert line.train(150_000, 2) == 2  # later it may be chance


def test_a_train_before_the_first_picture_does_not_vouch_for_it() -> None:
    """A policer lets so little pass at once, and drops the pictures."""
    line = Line()
    line.choice.join(line.now)
    line.wait(0.3)
    assert line.train(50_000_000, 0) == 0
    assert not line.choice.vouches(RUNGS[0], line.now)
    line.wait(1.0)
    assert line.train(50_000_000, 0) == 0
    assert line.choice.vouches(RUNGS[0], line.now)


def test_who_joins_over_tcp_is_not_judged_by_trains() -> None:
    line = Line(can_train=False)
    line.choice.join(line.now)
    assert not line.choice.joins(line.now)
    assert not line.choice.wants(line.now, watches=False)


def test_a_train_vouches_for_what_it_has_just_told() -> None:
    line = Line()
    assert not line.choice.vouches(100_000, line.now)
    line.estimate.train_came(200_000, line.now)
    assert line.choice.vouches(170_000, line.now)
    assert not line.choice.vouches(190_000, line.now)
    line.wait(1.1)
    assert not line.choice.vouches(100_000, line.now)


def test_nothing_better_is_tried_before_a_train_allows_it() -> None:
    line = Line()
    assert line.choice.most(line.now) == 0
    line.send()
    line.wait(0.2)
    assert line.choice.most(line.now) == 0
    line.estimate.train_came(1_000_000, line.now)
    assert 0 < line.choice.most(line.now) < 1_000_000
    assert line.choice.most(line.now) < line.choice.most_probed(line.now) < 1_000_000


def test_a_receiver_that_has_stopped_to_answer_is_tried_without_and_asked_again_later() -> None:
    line = Line()
    assert line.choice.most(line.now) == 0
    line.send()
    line.wait(1.0)
    assert line.choice.most(line.now) == math.inf
    assert not line.choice.wants(line.now, watches=False)
    line.wait(5.0)
    assert line.choice.most(line.now) == 0
    line.send()


def test_one_that_was_right_is_believed_again_at_once() -> None:
    believes = Belief()
    assert believes(0.0)
    believes.begin(0.0)
    believes.doubt(5.0)  # long after it: the line has changed
    assert believes(5.0)


def test_the_more_were_wrong_the_longer_none_is_believed() -> None:
    believes, now = Belief(), 0.0
    for wait in (1.0, 2.0, 4.0, 8.0, 16.0, 16.0):
        believes.begin(now)
        believes.doubt(now + 1.0)
        assert not believes(now + 1.0 + wait - 0.1)
        now += 1.0 + wait
        assert believes(now)


def test_after_a_while_all_is_forgiven() -> None:
    believes = Belief()
    for at in (0.0, 10.0):
        believes.begin(at)
        believes.doubt(at + 1.0)
    believes.begin(100.0)
    believes.doubt(101.0)
    assert believes(105.0)
