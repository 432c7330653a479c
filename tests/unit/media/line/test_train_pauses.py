"""A picture that had to stop: when the next one begins, and which, by what trains of packets tell."""

import math

import pytest

from tests.support.choosing_viewer import RUNGS
from tests.support.trained_line import SOUND, Line


def test_after_a_pause_there_is_sound_alone_until_a_train_tells_what_fits() -> None:
    line = Line()
    assert line.choice.pause(RUNGS, 0, 2) == SOUND
    assert line.choice.is_urgent
    line.wait(0.1)
    line.send()
    line.wait(0.3)
    assert line.choice.take(RUNGS, SOUND, line.now) == SOUND
    assert line.train(700_000, SOUND) == 1
    assert not line.choice.is_urgent


def asked_before_a_pause() -> tuple[Line, float]:
    """Behind the train is what was sent until the picture stopped: 0.29 s at the rate that it tells."""
    line = Line()
    line.queue()
    line.send()
    left_at = line.now
    line.wait(0.1, rate=2_000_000)
    line.choice.pause(RUNGS, 0, 2)
    line.wait(0.1)
    return line, left_at


def test_a_picture_begins_when_the_queue_from_before_the_pause_has_drained() -> None:
    line, left_at = asked_before_a_pause()
    assert line.train(700_000, SOUND, left_at) == SOUND
    assert line.choice.is_urgent
    assert not line.choice.wants(line.now, watches=True)  # another one would keep it full
    line.wait(0.1)
    line.estimate.round_trip(0.25, line.now)  # sent in the middle
    assert line.choice.take(RUNGS, SOUND, line.now) == SOUND
    line.estimate.round_trip(0.2, line.now)  # sent when the picture stopped: all before that has left
    assert line.choice.take(RUNGS, SOUND, line.now) == 1
    assert not line.choice.is_urgent


def test_what_has_left_the_queue_before_a_train_is_not_waited_for() -> None:
    """A round trip tells of the queue that its request found, and that has left with it."""
    line = Line()
    line.queue()
    line.choice.pause(RUNGS, 0, 2)
    line.send()
    left_at = line.now
    line.wait(0.3)
    assert line.estimate.trips.queue > 0.2
    assert line.train(700_000, SOUND, left_at) == 1


def test_what_a_train_told_of_one_pause_is_not_the_answer_to_another() -> None:
    line, left_at = asked_before_a_pause()
    assert line.train(700_000, SOUND, left_at) == SOUND  # the queue is there still
    line.choice.pause(RUNGS, 1, 2)
    line.wait(0.2)
    line.estimate.round_trip(0.03, line.now)
    assert line.choice.take(RUNGS, SOUND, line.now) == SOUND
    assert line.choice.wants(line.now, watches=False)


def test_a_queue_of_which_nothing_more_is_heard_is_not_waited_for_without_end() -> None:
    line, left_at = asked_before_a_pause()
    for _ in range(5):
        assert line.train(700_000, SOUND, left_at) == SOUND
        line.wait(0.1)
    line.wait(0.01)
    assert line.choice.take(RUNGS, SOUND, line.now) == 1
    line.choice.pause(RUNGS, 1, 2)
    assert line.choice.take(RUNGS, SOUND, line.now) == SOUND  # what was told is not told again


@pytest.mark.parametrize(("before", "rung"), [(525e3, 1), (530e3, 2), (math.inf, 2)])
def test_the_keyframe_that_a_pause_has_asked_for_is_not_what_a_layer_needs(before: float, rung: int) -> None:
    rungs = [1.6e6, before, 190e3, 150e3, 60e3, 40e3]
    line = Line()
    line.choice.pause(rungs, 0, 2)
    line.send()
    line.wait(0.3)
    line.estimate.train_came(702_000, line.now)
    assert line.choice.take([1.6e6, 560e3, *rungs[2:]], 5, line.now) == rung


def test_what_another_publisher_needs_is_not_what_the_one_before_did() -> None:
    line = Line()
    line.choice.pause([1.6e6, 300e3, 190e3, 150e3, 60e3, 40e3], 0, 2)
    line.send()
    line.wait(0.3)
    line.estimate.train_came(700_000, line.now)
    assert line.choice.take([900e3, 560e3, 150e3, 60e3, 40e3], 4, line.now) == 1


def test_what_almost_fits_goes_on_until_a_lower_picture_begins() -> None:
    line = Line()
    line.queue()
    left_at = line.now
    line.wait(0.35, rate=RUNGS[0])
    assert line.train(RUNGS[0] * 0.97, 0, left_at) == 1
    assert not line.choice.is_urgent


def test_a_train_that_stops_a_picture_lets_no_other_begin_behind_its_queue() -> None:
    line = Line()
    line.queue(trips=1)
    left_at = line.now
    line.wait(0.35, rate=RUNGS[0])
    assert line.train(600_000, 0, left_at) == SOUND
    assert line.choice.is_urgent
    line.wait(0.3)
    assert line.train(600_000, SOUND, line.now - 0.3) == 2  # as after each pause
