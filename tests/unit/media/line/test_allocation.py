"""Which rendition a viewer gets: the table of `Allocation`, row by row, and what it never does."""

import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.line.loss_run import Loss
from tests.support.told_sender import ALONE, RUNGS, SOUND, Shown, limited

SINGLE = [700_000.0, 65_000.0, 40_000.0]


def queued(times: int = 2) -> Shown:
    """It gets the best rung, so many times what its line carries, whose queue grows."""
    viewer = Shown()
    viewer.run(4)
    viewer.fill(RUNGS[0], times)
    viewer.round_trip = 0.4
    viewer.tick()
    return viewer


# --- STEADY, and the line is full


def test_what_a_full_line_does_not_carry_is_left_at_once_for_what_fits() -> None:
    viewer = limited(0.5)
    assert (viewer.decision.rung, viewer.decision.pause, viewer.phase) == (1, True, "STEADY")


def test_behind_a_long_queue_the_picture_stops_first() -> None:
    viewer = queued()
    assert (viewer.decision.rung, viewer.decision.pause, viewer.phase) == (ALONE, True, "DRAINING")
    assert viewer.choice.is_urgent


def test_a_first_sign_that_leaves_nearly_enough_may_be_chance_and_a_second_one_is_not() -> None:
    viewer = limited(0.12)
    assert (viewer.decision.rung, viewer.estimate.carries) == (0, math.inf)
    viewer.run(1)
    viewer.lose(0.12)
    assert viewer.tick().rung == 1


def test_behind_a_queue_of_ours_a_first_sign_is_no_chance() -> None:
    viewer = Shown()
    viewer.run(4)
    for seconds in (0.03, 0.1, 0.1):
        viewer.estimate.round_trip(seconds, viewer.now)
    viewer.round_trip = 0.1
    viewer.lose(0.12)
    assert viewer.tick().rung == 1


def test_where_no_picture_fits_there_is_the_sound() -> None:
    viewer = limited(0.99)
    assert viewer.run(0.5)[-1].rung == ALONE
    assert viewer.decision.pace == 0


def test_the_last_moving_picture_may_take_nearly_all_of_the_line() -> None:
    assert limited(1 - RUNGS[2] / 0.94 / RUNGS[0] / 0.95).decision.rung == 2


def test_what_fits_is_not_left_because_it_is_broken_but_what_is_left_stops_when_it_is() -> None:
    viewer = Shown()
    viewer.run(3)
    assert viewer.tick(is_broken=True)[:2] == (0, False)
    viewer.rungs[0] = 1_400_000.0  # its line carries a little less
    for _ in range(2):
        viewer.lose(0.12)
        viewer.tick()
    lower = viewer.decision.rung
    assert lower > 0
    rungs, step = viewer.rungs, viewer.choice.step
    assert not step(rungs, 0, viewer.now).pause
    assert step(rungs, 0, viewer.now, is_broken=True)[:2] == (lower, True)
    assert not step(rungs, lower, viewer.now, is_broken=True).pause  # there it is


def test_a_rung_that_ends_is_left_without_a_sign_and_none_above_is_looked_for() -> None:
    viewer = Shown()
    viewer.run(5)
    viewer.rungs = [math.inf, *RUNGS[1:]]
    decisions = viewer.run(10)
    assert {(decision.rung, decision.pause, decision.probe) for decision in decisions} == {(1, False, 0.0)}


def test_a_rung_that_the_viewer_does_not_want_any_more_does_not_pause_while_the_line_is_clear() -> None:
    viewer = limited(0.12)
    viewer.lose(0.12)
    viewer.run(5)
    step, unwanted = viewer.choice.step, [math.inf, *RUNGS[1:]]
    assert viewer.estimate.carries < math.inf
    assert step(unwanted, 0, viewer.now)[:2] == (1, False)
    viewer.lose(0.8)
    assert step(unwanted, 0, viewer.now).pause


def test_a_train_at_the_join_decides_alone_and_later_it_does_not() -> None:
    viewer = Shown(can_train=True)
    viewer.train = 300_000.0
    viewer.run(0.3)
    assert viewer.decision.rung == 2
    viewer = Shown(can_train=True)
    viewer.train = math.inf
    viewer.run(5)
    viewer.estimate.train_came(300_000.0, viewer.now)
    assert viewer.tick().rung == 0


# --- DRAINING


def test_it_takes_what_fits_when_what_was_sent_before_has_left_the_queue() -> None:
    viewer = queued()
    viewer.run(0.2)
    assert viewer.decision.rung == ALONE
    viewer.run(0.3)
    assert viewer.decision.rung == 1
    assert not viewer.choice.is_urgent


def test_it_takes_what_fits_though_the_queue_stays() -> None:
    viewer = queued(7)
    viewer.round_trip = 1.0  # so long that the sound alone fills it
    viewer.run(1.3)
    assert viewer.decision.rung == ALONE
    viewer.run(0.4)
    assert viewer.decision.rung == 2


def test_meanwhile_a_train_measures_the_line_and_it_waits_for_that() -> None:
    viewer = Shown(can_train=True)
    viewer.train = math.inf
    viewer.run(4)
    viewer.train = None
    viewer.lose(0.6)
    viewer.tick()
    assert viewer.phase == "DRAINING"
    asked = viewer.trains
    viewer.run(0.4)
    assert viewer.trains > asked
    assert viewer.decision.rung == ALONE
    viewer.train = 300_000.0
    viewer.run(0.2)
    assert viewer.decision.rung == 2


@pytest.mark.parametrize(("surely", "phase"), [(0.2, "DRAINING"), (0.95, "STEADY")])
def test_a_picture_that_may_move_waits_for_a_train_though_what_is_lost_leaves_it_nothing(
    surely: float, phase: str
) -> None:
    viewer = Shown(can_train=True)
    viewer.train = math.inf
    viewer.run(4)
    # of a moment ago, when the line was another one
    viewer.estimate.train_came(math.inf, viewer.now, viewer.now - 0.1)
    viewer.train = 300_000.0
    viewer.estimate.lost(Loss(0.95, surely, viewer.now - 0.5, viewer.now), viewer.now)
    viewer.tick()
    assert viewer.phase == phase
    viewer.run(0.5)
    assert viewer.decision.rung == (2 if phase == "DRAINING" else ALONE)


# --- STEADY, and up


def test_a_better_rung_is_probed_for_when_the_line_has_been_clear() -> None:
    viewer = limited(0.5)
    assert not any(decision.probe for decision in viewer.run(0.9))
    viewer.round_trip = 0.4
    assert not any(decision.probe for decision in viewer.run(3))
    viewer.round_trip = 0.03
    viewer.run(5)
    assert viewer.choice.is_probing or viewer.decision.rung == 0


def test_what_trains_say_the_line_carries_now_is_taken_however_long_failures_make_it_wait() -> None:
    viewer = limited(0.99, can_train=True)
    viewer.train = 300_000.0
    for _ in range(3):
        viewer.until("TRYING")
        viewer.lose(0.99)
        viewer.tick()
    assert viewer.run(4)[-1].rung == ALONE
    viewer.train = math.inf
    assert viewer.run(3)[-1].rung == 0


@pytest.mark.parametrize(
    ("lost", "train", "seconds"),
    [(0.99, 300_000.0, 1.7), (0.99, None, 2.5), (0.7, 700_000.0, 2.5)],  # the last one sees something
)
def test_who_sees_nothing_waits_for_a_clear_line_and_for_no_more_if_a_train_allows_a_picture(
    lost: float, train: float | None, seconds: float
) -> None:
    viewer = limited(lost, can_train=train is not None)
    viewer.train = train
    began = viewer.now
    viewer.run(1)
    viewer.until("STEADY")
    while viewer.phase == "STEADY":
        viewer.tick()
    assert viewer.now - began == pytest.approx(seconds, abs=0.25)


def test_who_cannot_be_probed_gets_the_next_better_rung_for_a_try() -> None:
    viewer = limited(0.7, can_probe=False)
    assert viewer.decision.rung == 2
    viewer.until("TRYING")
    assert (viewer.decision.rung, viewer.decision.probe) == (1, 0.0)


def test_behind_a_queue_of_others_the_next_better_rung_is_tried_as_soon_as_behind_none() -> None:
    viewer = queued()
    decisions = viewer.run(5)  # all the while its answers are as late
    assert viewer.estimate.is_shared
    assert (decisions[-1].rung, viewer.phase) == (0, "TRYING")
    assert not any(decision.probe for decision in decisions)  # padding shows nothing in such a queue
    viewer.lose(0.5)
    assert viewer.tick().rung > 0
    assert 0 not in {decision.rung for decision in viewer.run(3.5)}  # a try that failed makes it wait


def test_no_better_rung_is_tried_before_a_train_allows_it() -> None:
    viewer = limited(0.7, can_train=True)
    viewer.train = 500_000.0  # with its peaks the next one needs more
    assert not any(decision.probe for decision in viewer.run(20))
    assert (viewer.decision.rung, viewer.estimate.carries < RUNGS[1]) == (2, True)
    viewer.train = math.inf
    viewer.run(10)
    assert viewer.decision.rung == 0


def test_what_trains_say_the_line_carries_now_is_taken_without_a_probe_and_also_in_the_midst_of_one() -> None:
    for probes in (False, True):
        viewer = limited(0.7, can_train=True)
        viewer.train = 480_000.0
        viewer.run(5)
        if probes:
            viewer.train = 700_000.0  # a little more, which trains cannot say
            viewer.until("PROBING")
        assert viewer.decision.rung == 2
        viewer.train = math.inf
        assert viewer.run(1.5)[-1].rung == 0


def test_a_receiver_that_tells_of_no_train_is_tried_without() -> None:
    viewer = limited(0.5, can_train=True)
    viewer.run(12)
    assert viewer.decision.rung == 0


def test_a_picture_comes_back_by_a_train_alone_and_only_the_lowest() -> None:
    viewer = limited(0.99, can_train=True)
    viewer.train = 5e6
    viewer.run(1)
    viewer.until("TRYING")
    assert viewer.decision.rung == 2


# --- TRYING


def trying(rung: int) -> Shown:
    viewer = limited(0.7, can_probe=False)
    viewer.until("TRYING")
    assert viewer.decision.rung == rung
    return viewer


def test_a_try_that_fills_the_line_ends_at_once_and_the_next_one_waits_longer() -> None:
    viewer = trying(1)
    began, waits = viewer.now, []
    for _ in range(3):
        viewer.run(0.8)
        viewer.lose(0.6)
        assert viewer.tick().rung == 2
        began = viewer.now
        viewer.until("TRYING")
        waits.append(viewer.now - began)
    assert waits == sorted(waits)
    assert waits[-1] > 1.5 * waits[0]


def test_a_try_in_which_nothing_happens_has_succeeded_and_forgets_what_failed() -> None:
    viewer = trying(1)
    for _ in range(3):
        viewer.run(0.8)
        viewer.lose(0.6)
        viewer.tick()
        viewer.until("TRYING")
    viewer.run(3.5)
    assert viewer.decision.rung <= 1
    viewer.until("STEADY")
    viewer.lose(0.6)
    viewer.run(0.1)
    began = viewer.now
    viewer.until("TRYING")
    assert viewer.now - began < 3.0


# --- how pictures leave


@pytest.mark.parametrize(
    ("carries", "start"),
    [
        (math.inf, 0.0),  # at once
        (900_000.0, 0.0),  # the line carries four times what the lowest layer needs
        (300_000.0, 0.85 * 260_000),
    ],
)
def test_pictures_leave_at_the_pace_of_a_narrow_line(carries: float, start: float) -> None:
    viewer = Shown([math.inf, math.inf, *RUNGS[2:]])
    viewer.estimate.carries = carries
    assert viewer.tick().picture_pace == pytest.approx(start)


def test_a_line_that_has_shown_a_queue_takes_pictures_at_once_until_it_loses_packets() -> None:
    viewer = Shown([math.inf, math.inf, *RUNGS[2:]])
    viewer.estimate.carries, viewer.estimate.sign_at = 300_000.0, viewer.now
    viewer.run(5.0)
    assert viewer.decision.picture_pace > 0  # it may be shallow: nothing is known
    viewer.estimate.queued_at = viewer.now
    viewer.run(5.0)
    assert viewer.decision.picture_pace == 0
    viewer.estimate.lost_at = viewer.now
    assert viewer.tick().picture_pace > 0
    viewer.run(20.0)
    assert viewer.decision.picture_pace == 0  # it has carried the best for long


def test_a_picture_that_begins_leaves_at_a_pace_for_a_second() -> None:
    viewer = Shown([math.inf, math.inf, *RUNGS[2:]])
    viewer.estimate.carries, viewer.estimate.queued_at = 300_000.0, 1e9
    starts = [viewer.tick().picture_pace > 0 for _ in range(20)]
    assert starts == sorted(starts, reverse=True)
    assert 9 <= sum(starts) <= 11


@pytest.mark.parametrize(("carries", "pace"), [(100_000.0, 0.9 * 60_000), (120_000.0, 0.9 * 80_000)])
def test_keyframes_alone_take_what_the_sound_leaves(carries: float, pace: float) -> None:
    viewer = Shown(SINGLE)
    viewer.run(3)
    viewer.lose(1 - carries / 0.95 / SINGLE[0])
    decision = viewer.tick()
    assert decision.rung == 1
    assert decision.pace == pytest.approx(pace, rel=0.05)
    viewer.until("PROBING")
    viewer.run(1.0)
    assert viewer.decision.pace == viewer.decision.probe - SINGLE[-1] > pace  # instead of padding
    viewer.round_trip = 0.5
    viewer.until("STEADY")
    assert viewer.decision.pace == pytest.approx(0.9 * (viewer.estimate.carries - SOUND))


# --- at rest, and whatever is said


def test_who_gets_the_best_rests_and_its_line_is_not_measured() -> None:
    viewer = Shown(can_train=True)
    viewer.train = math.inf
    viewer.run(3)
    decisions, trains = viewer.run(30), viewer.trains
    assert set(decisions) == {(0, False, 0.0, 0.0, 0.0)}
    assert viewer.choice.measure_seconds(viewer.now) == math.inf
    viewer.run(10)
    assert viewer.trains == trains <= 2
    viewer.estimate.lost(Loss(0.2, 0.01, viewer.now - 0.3, viewer.now), viewer.now)  # a tripwire, and no sign
    assert viewer.choice.measure_seconds(viewer.now) == 0.1
    assert viewer.choice.wants_train(viewer.now)


def test_who_wants_no_more_is_neither_measured_nor_sent_padding() -> None:
    viewer = Shown([math.inf] * 4 + [40_000.0])
    assert {decision.probe for decision in viewer.run(5)} == {0.0}
    assert viewer.choice.measure_seconds(viewer.now) == math.inf


def test_a_question_changes_nothing() -> None:
    viewer = queued()
    viewer.choice._jitter = float  # that can be pickled
    before, now = pickle.dumps((viewer.estimate, viewer.choice)), viewer.now
    for later in (0.0, 0.5, 5.0):
        viewer.choice.wants_train(now + later)
        viewer.choice.measure_seconds(now + later)
        viewer.estimate.state(now + later)
        viewer.estimate.most(now + later)
        viewer.estimate.queue(now + later)
        viewer.estimate.room(0.0, now + later)
        assert viewer.estimate.is_queued
        assert viewer.choice.is_urgent
        assert not viewer.choice.is_probing
        assert viewer.estimate.answers
    assert pickle.dumps((viewer.estimate, viewer.choice)) == before


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["lost", "report", "train", "remb", "trip"]), st.floats(0, 1), st.integers(3, 6)
        ),
        max_size=30,
    ),
    st.booleans(),
)
def test_every_decision_is_a_rung_and_no_probe_exceeds_the_best(
    words: list[tuple[str, float, int]], can_train: bool
) -> None:
    viewer = Shown(can_train=can_train)
    for word, share, count in words:
        viewer.rungs = [1_600_000.0 / 3**n + SOUND for n in range(count - 1)] + [40_000.0]
        viewer.present = min(viewer.present, count - 1)
        if word == "lost":
            viewer.lose(share)
        elif word == "report":
            viewer.report(round(100 * share), 100, share)
        elif word == "train":
            viewer.train = 1e6 * share or None
        elif word == "remb":
            viewer.estimate.remb(round(2e6 * share), viewer.now)
        else:
            viewer.round_trip = share
        for decision in viewer.run(0.5):
            assert 0 <= decision.rung < count
            assert decision.probe <= viewer.rungs[0] / 0.8
            assert decision.pace >= 0
            assert decision.picture_pace >= 0
