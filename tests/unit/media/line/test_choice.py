"""Which rendition a viewer gets, by what its line is said to carry."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.line.choice import Doubts, Hope, pace_of_beginning, pace_of_keyframes
from media.line.estimate import LineEstimate
from media.line.loss_run import Loss
from tests.support.choosing_viewer import RUNGS, SINGLE, SOUND, Viewer

HOPED = 100_000.0
PACED = [1_600_000.0, math.inf, 190_000.0, 60_000.0, 40_000.0]
DOUBTED = 400_000.0


def test_everybody_gets_the_best_until_the_line_says_otherwise() -> None:
    assert {decision.rung for decision in Viewer(RUNGS).run(30)} == {0}


def test_a_fall_leads_at_once_to_what_fits_and_the_picture_that_does_not_stops() -> None:
    viewer = Viewer(RUNGS)
    viewer.run(10)
    viewer.fall(170_000)
    viewer.present = 0
    decision = viewer.choice.step(RUNGS, 0, viewer.now)
    assert (decision.rung, decision.pause) == (2, True)


def test_a_probe_leads_up_again_one_change_a_second() -> None:
    viewer = Viewer(RUNGS)
    viewer.run(10)
    viewer.fall(170_000)
    decisions = viewer.run(8)
    assert decisions[0].rung == 2
    assert decisions[-1].rung == 0
    changes = [n for n in range(1, 80) if decisions[n].rung != decisions[n - 1].rung]
    assert all(later - earlier >= 10 for earlier, later in pairwise(changes))
    assert max(decision.probe for decision in decisions) <= RUNGS[0] * 1.2


def test_a_probe_that_fails_stops_at_once_and_comes_again_within_four_seconds() -> None:
    viewer = Viewer(RUNGS)
    viewer.run(10)
    viewer.fall(170_000)
    while not viewer.decision.probe:
        viewer.run(0.1)
    viewer.run(1.0)
    viewer.fall(150_000)
    decisions = viewer.run(4.0)
    assert decisions[0].probe == 0
    assert decisions[0].rung == 2  # what was known to fit still does
    assert any(decision.probe for decision in decisions)


def test_a_probe_ends_when_the_round_trip_shows_a_queue_and_none_begins_before_it_is_gone() -> None:
    viewer = Viewer(RUNGS)
    viewer.run(10)
    viewer.fall(170_000)
    while not viewer.choice.is_probing:
        viewer.run(0.1)
    viewer.measure(0.03, 0.20)
    assert viewer.choice.is_probing  # one may be chance
    viewer.measure(0.20)
    assert not viewer.choice.is_probing
    viewer.measure(*[0.25] * 50)
    assert not viewer.choice.is_probing
    viewer.measure(*[0.03] * 30)
    assert viewer.choice.is_probing


def test_the_round_trip_is_measured_often_while_more_is_sent_seldom_below_the_best_and_never_at_it() -> None:
    viewer = Viewer(RUNGS)
    viewer.run(5)
    assert viewer.choice.measure_seconds == math.inf
    viewer.fall(170_000)
    viewer.run(0.2)
    assert viewer.choice.measure_seconds == 1.0
    while not viewer.choice.is_probing:
        viewer.run(0.1)
    assert viewer.choice.measure_seconds == 0.1
    viewer.run(10)
    assert viewer.decision.rung == 0
    assert viewer.choice.measure_seconds == math.inf


def test_a_viewer_that_wants_no_more_is_neither_measured_nor_sent_padding() -> None:
    viewer = Viewer([math.inf] * 4 + [40_000.0])
    assert {decision.probe for decision in viewer.run(5)} == {0.0}
    assert viewer.choice.measure_seconds == math.inf


def test_who_does_not_estimate_yet_is_probed_as_soon_as_it_answers() -> None:
    viewer = Viewer(RUNGS)
    viewer.run(2, remb=False)
    viewer.run(2, remb=False, loss=0.4)
    assert viewer.decision.rung > 0
    viewer.measure(*[0.03] * 80, remb=False)
    assert viewer.decision.rung == 0


def test_a_try_is_given_up_when_the_round_trip_shows_a_queue() -> None:
    viewer = Viewer(RUNGS, can_probe=False)
    viewer.run(5, remb=False)
    viewer.run(2, remb=False, loss=0.4)
    down = viewer.decision.rung
    while viewer.decision.rung == down:
        viewer.run(0.1, remb=False)
    assert viewer.choice.measure_seconds == 0.1
    viewer.measure(0.03, 0.2, 0.2, remb=False)
    assert viewer.decision.rung == down


def test_the_last_moving_picture_is_kept_when_it_is_close() -> None:
    """Mostly it has no lowest temporal layer. A receiver tells 0.85 of what comes through."""
    viewer = Viewer([*RUNGS[:3], math.inf, *RUNGS[-2:]])
    viewer.run(10)
    viewer.fall(round(RUNGS[2] * 0.9))
    assert viewer.run(0.1)[0].rung == 2


def test_one_sign_may_be_chance_but_not_several() -> None:
    viewer = Viewer(RUNGS)
    viewer.run(10)
    viewer.fall(1_260_000)
    assert viewer.run(1)[-1].rung == 0
    for bitrate in (1_220_000, 1_180_000, 1_140_000):
        viewer.fall(bitrate)
        viewer.run(0.2)
    assert viewer.decision.rung == 1


def test_keyframes_alone_get_what_sound_leaves() -> None:
    viewer = Viewer(SINGLE)
    viewer.run(10)
    viewer.fall(360_000)
    decision = viewer.run(1.1)[-1]
    assert decision.rung == 1
    assert 250_000 < decision.pace < 360_000


def test_keyframes_alone_end_when_a_queue_stays() -> None:
    """They stretch themselves over all that a line seems to carry, and a full queue does not grow."""
    viewer = Viewer(SINGLE)
    viewer.run(10)
    viewer.fall(90_000)
    assert viewer.run(1.2)[-1].rung == 1
    viewer.measure(0.03, *[0.35] * 60)
    assert viewer.decision.rung == 2


def test_keyframes_alone_need_room_to_spare_both_to_begin_and_to_go_on() -> None:
    viewer = Viewer(SINGLE)
    viewer.run(10)
    viewer.fall(70_000)  # 73 with what comes of the sound; keyframes need 65
    assert viewer.run(0.5)[-1].rung == 2


def test_sound_is_alone_when_not_even_keyframes_fit() -> None:
    viewer = Viewer(SINGLE)
    viewer.run(10)
    viewer.fall(10_000)
    decision = viewer.run(0.1)[0]
    assert (decision.rung, decision.pace) == (2, 0.0)


def test_who_cannot_be_probed_gets_more_for_a_try_and_waits_longer_after_each_failure() -> None:
    viewer = Viewer(RUNGS, can_probe=False)
    viewer.run(5, remb=False)
    viewer.run(2, remb=False, loss=0.4)
    down = viewer.decision.rung
    assert down > 0
    tries: list[int] = []
    for tick in range(600):
        above = viewer.decision.rung < down
        if above and (not tries or tick - tries[-1] > 20):
            tries.append(tick)
        viewer.run(0.1, remb=False)
        viewer.estimate.report(0.4 if above else 0.0, 0.05, viewer.now)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert len(tries) >= 3
    assert waits == sorted(waits)
    assert not any(decision.probe for decision in viewer.run(5, remb=False))


def test_a_rendition_that_ends_is_left_without_a_sign_and_none_above_is_tried() -> None:
    viewer = Viewer(list(RUNGS))
    viewer.run(5)
    viewer.rungs = [math.inf, *RUNGS[1:]]
    decisions = viewer.run(10)
    assert {decision.rung for decision in decisions} == {1}
    assert not any(decision.probe for decision in decisions)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(3, 6), st.integers(0, 5)), max_size=40))
def test_every_decision_is_a_rung_and_no_probe_exceeds_the_stream(words: list[tuple[int, int, int]]) -> None:
    viewer = Viewer(RUNGS)
    for bitrate, count, present in words:
        rungs = [1_600_000.0 / 3**n + SOUND for n in range(count - 1)] + [40_000.0]
        viewer.rungs = rungs
        viewer.present = min(present, count - 1)
        viewer.fall(bitrate)
        for decision in viewer.run(0.5):
            assert 0 <= decision.rung < count
            assert decision.probe <= rungs[0] * 1.1
            assert decision.pace >= 0


def test_keyframes_alone_have_a_pace_where_there_is_no_thinner_picture() -> None:
    viewer = Viewer([SINGLE[0], math.inf, *SINGLE[1:]])
    viewer.run(10)
    viewer.fall(300_000)
    decision = viewer.run(1.2)[-1]
    assert decision.rung == 2
    assert 150_000 < decision.pace < 300_000


def test_a_layer_is_not_keyframes_alone_where_those_do_not_come() -> None:
    """They stop with the layer that they are made of. Then a moving picture needs no more than before."""
    viewer = Viewer([*RUNGS[:2], math.inf, math.inf, SOUND])
    viewer.run(10)
    viewer.fall(600_000)
    decision = viewer.run(0.1)[0]
    assert (decision.rung, decision.pace) == (1, 0.0)


def test_a_rung_that_the_viewer_does_not_want_any_more_does_not_pause() -> None:
    """What it gets of it fits: it only wants less. The other picture begins soon."""
    viewer = Viewer(RUNGS)
    viewer.run(5)
    viewer.fall(900_000)
    viewer.run(30)
    viewer.rungs = [math.inf, *RUNGS[1:]]
    viewer.present = 0
    decision = viewer.choice.step(viewer.rungs, 0, viewer.now)
    assert viewer.estimate.carries < math.inf
    assert (decision.rung, decision.pause) == (1, False)
    viewer.fall(400_000)  # while it waits for that
    assert viewer.choice.step(viewer.rungs, 0, viewer.now).pause


def test_at_the_best_rung_nothing_is_looked_for() -> None:
    viewer = Viewer(RUNGS)
    viewer.run(5)
    viewer.fall(400_000)
    while not viewer.choice.is_probing:
        viewer.run(0.1)
    viewer.rungs = [300_000.0, 250_000.0, *RUNGS[2:]]  # now all of it fits
    while viewer.decision.rung:
        viewer.run(0.1)
    assert (viewer.decision.probe, viewer.choice.measure_seconds) == (0, math.inf)
    viewer.rungs = [*[math.inf] * 4, SOUND]  # the sound alone, by choice
    viewer.run(3)
    assert (viewer.decision.rung, viewer.decision.probe) == (4, 0)


def test_a_probe_goes_as_far_as_the_best_rendition_needs_by_then() -> None:
    viewer = Viewer(list(SINGLE))
    viewer.run(10)
    viewer.fall(10_000)
    while not viewer.choice.is_probing:
        viewer.run(0.1)
    viewer.rungs[0] *= 1.3
    for _ in range(60):
        assert viewer.choice.is_probing or viewer.decision.rung == 0
        viewer.run(0.1)
    assert viewer.decision.rung == 0


def _lose(viewer: Viewer, told: float) -> int:
    """Take a sign, seen at all that the viewer was sent, of a line that carries `told`; returns its rung."""
    viewer.estimate.deny(told / 0.95)
    viewer.estimate.lost(Loss(0.9, viewer.now - 0.2, viewer.now), 0.3, viewer.now, told / 0.95 - SOUND)
    viewer.present = viewer.decision.rung
    viewer.decision = viewer.choice.step(viewer.rungs, viewer.present, viewer.now)
    return viewer.decision.rung


def test_a_first_sign_of_far_more_than_the_lowest_layer_leaves_that() -> None:
    viewer = Viewer(RUNGS)
    viewer.run(10)
    assert _lose(viewer, 0.5 * RUNGS[2]) == 2
    assert viewer.decision.pause
    viewer.run(1.5)
    assert _lose(viewer, 0.5 * RUNGS[2]) > 2  # that it does not carry


def test_a_line_that_carries_next_to_nothing_gets_the_sound_alone_at_once() -> None:
    viewer = Viewer(RUNGS)
    viewer.run(10)
    assert _lose(viewer, 0.3 * RUNGS[2]) > 2


def test_a_picture_that_has_no_layer_below_it_is_not_tried_again_at_once() -> None:
    viewer = Viewer(SINGLE)
    viewer.run(10)
    assert _lose(viewer, 0.5 * SINGLE[0]) > 0


def test_what_is_close_is_always_tried() -> None:
    hope = Hope(0.0)
    assert all(hope(HOPED, 0.98 * HOPED, HOPED, now / 10) for now in range(20))


def test_what_was_sent_in_excess_says_little_once_in_four_seconds() -> None:
    hope = Hope(1.0)
    assert not hope(HOPED, HOPED / 2, 2 * HOPED, 0.9)
    assert hope(HOPED, HOPED / 2, 2 * HOPED, 1.0)
    assert not hope(HOPED, HOPED / 2, 2 * HOPED, 4.9)
    assert hope(HOPED, HOPED / 2, 2 * HOPED, 5.0)


def test_far_too_little_is_believed_and_so_is_a_sign_of_hardly_more_than_the_picture() -> None:
    assert not Hope(0.0)(HOPED, HOPED * 0.3, 3 * HOPED, 0.0)
    assert not Hope(0.0)(HOPED, HOPED * 0.5, 1.7 * HOPED, 0.0)


@pytest.mark.parametrize(
    ("rung", "carries", "pace"),
    [
        (2, 300_000.0, 0.95 * 260_000),
        (2, 150_000.0, 1.15 * 150_000),  # it must reach the live edge
        (0, math.inf, 0.0),
        (2, 800_000.0, 0.0),  # a wide line takes a keyframe at once
        (1, 300_000.0, 0.0),  # there is no such picture
    ],
)
def test_a_picture_begins_at_the_pace_of_the_line(rung: int, carries: float, pace: float) -> None:
    assert pace_of_beginning(PACED, rung, carries) == pytest.approx(pace)


@pytest.mark.parametrize(
    ("carries", "probed", "pace"),
    [(50_000.0, 0.0, 20_000.0), (140_000.0, 0.0, 90_000.0), (140_000.0, 200_000.0, 160_000.0)],
)
def test_keyframes_alone_take_what_the_sound_leaves(carries: float, probed: float, pace: float) -> None:
    assert pace_of_keyframes(PACED, carries, probed) == pytest.approx(pace)


def told(carries: float, lost: float | None = None) -> LineEstimate:
    estimate = LineEstimate(0.0)
    estimate.carries, estimate.lost_share = carries, lost
    return estimate


@pytest.mark.parametrize(
    ("carries", "lost", "survives"),
    [
        (450_000.0, None, 2),  # it fits, but with what is sent again it does not
        (450_000.0, 0.15, 2),
        (350_000.0, None, 3),  # a little less may be another viewer's probe
        (350_000.0, 0.15, 1),  # but not what is lost, or waits
        (300_000.0, None, 0),
        (450_000.0, 0.4, 0),  # no picture is whole, and there is no room to send it again
        (600_000.0, 0.4, 2),  # here there is
    ],
)
def test_so_many_signs_pass_one_after_the_other(carries: float, lost: float | None, survives: int) -> None:
    doubts, estimate = Doubts(0.0), told(carries, lost)
    passed = [doubts.pass_over(estimate, DOUBTED, 0.1 * n, has_less=True) for n in range(5)]
    assert passed == [True] * survives + [False] * (5 - survives)


def test_a_broken_picture_goes_on_where_there_is_no_lower_one() -> None:
    assert Doubts(0.0).pass_over(told(450_000.0, 0.4), DOUBTED, 0.0, has_less=False)


def test_signs_are_forgotten() -> None:
    doubts, estimate = Doubts(0.0), told(350_000.0)
    assert all(doubts.pass_over(estimate, DOUBTED, 10.0 * n, has_less=True) for n in range(20))
    doubts.clear()
    assert [doubts.pass_over(estimate, DOUBTED, 200.0, has_less=True) for _ in range(4)] == [True] * 3 + [
        False
    ]
