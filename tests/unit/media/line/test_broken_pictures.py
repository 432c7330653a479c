"""A picture that stands until its next keyframe only takes the room of what comes after it."""

import pytest

from media.line.choice import pace_of_beginning
from media.line.loss_run import Loss
from tests.support.choosing_viewer import RUNGS, Viewer


def full(*, lost: float = 0.1, signs: int = 2) -> tuple[Viewer, list[float]]:
    """Its line loses such a share, and then carries a little less than the best layer needs."""
    viewer = Viewer(RUNGS)
    for _ in range(signs):
        viewer.run(3)
        viewer.estimate.lost(Loss(lost, viewer.now - 0.5, viewer.now), 0.3, viewer.now)
        rungs = [viewer.estimate.carries * 1.05, *RUNGS[1:]]
        viewer.decision = viewer.choice.step(rungs, 0, viewer.now)
    return viewer, rungs


def test_what_almost_fits_goes_on_until_a_lower_layer_begins_unless_it_is_broken() -> None:
    viewer, rungs = full()
    lower = viewer.decision.rung
    assert lower > 0
    assert not viewer.decision.pause
    decision = viewer.choice.step(rungs, 0, viewer.now + 0.1, is_broken=True)
    assert (decision.rung, decision.pause) == (lower, True)
    assert not viewer.choice.step(rungs, lower, viewer.now + 0.2).pause  # there it is


def test_meanwhile_a_train_tells_what_fits() -> None:
    viewer, rungs = full()
    viewer.choice.allow_trains(can_train=True)
    decision = viewer.choice.step(rungs, 0, viewer.now + 0.1, is_broken=True)
    sound = len(rungs) - 1
    assert (decision.rung, decision.pause) == (sound, True)
    viewer.estimate.train_came(2 * rungs[0], viewer.now)  # that left before: it is not asked for
    viewer.now += 1.5
    assert viewer.choice.is_urgent
    assert viewer.choice.step(rungs, sound, viewer.now).rung == sound
    viewer.estimate.train_came(500_000, viewer.now)
    assert viewer.choice.step(rungs, sound, viewer.now).rung == 2


def test_what_fits_is_not_left_because_it_is_broken() -> None:
    """Its own next keyframe comes as soon as another one's."""
    viewer = Viewer(RUNGS)
    viewer.run(3)
    decision = viewer.choice.step(RUNGS, 0, viewer.now, is_broken=True)
    assert (decision.rung, decision.pause) == (0, False)


@pytest.mark.parametrize(("lost", "stays"), [(0.2, True), (0.3, False)])
def test_of_a_picture_that_loses_much_no_sign_passes(lost: float, stays: bool) -> None:
    viewer, _ = full(lost=lost, signs=1)
    assert (viewer.decision.rung == 0) == stays


@pytest.mark.parametrize("train", [230_000.0, None])
def test_what_a_train_vouches_for_is_kept_where_less_is_hardly_a_picture(train: float | None) -> None:
    """Also where the lowest layer could be thinned out. A receiver that gets little tells nonsense."""
    rungs = [*RUNGS[:3], 150_000.0, *RUNGS[3:]]
    viewer = Viewer(rungs)
    viewer.choice.allow_trains(can_train=True)
    viewer.estimate.held_back(230_000, viewer.now)
    viewer.choice.step(rungs, 0, viewer.now)
    viewer.estimate.train_came(230_000, viewer.now)
    viewer.run(1.1, remb=False)
    assert viewer.decision.rung == 2
    for _ in range(5):
        if train is not None:
            viewer.estimate.train_came(train, viewer.now)
        viewer.estimate.held_back(100_000, viewer.now)
        viewer.run(0.6, remb=False)
    assert (viewer.decision.rung == 2) == (train is not None)


def test_a_train_that_shows_no_loss_does_not_vouch_for_a_picture_that_has_much() -> None:
    """Such as of a line that polices what is above its rate, and lets a few packets pass at once."""
    rungs = [2_500_000.0, 1_500_000.0, 65_000.0, 40_000.0]
    viewer = Viewer(rungs)
    viewer.choice.allow_trains(can_train=True)
    viewer.run(3, remb=False)
    rungs_shown = set()
    for _ in range(4):
        viewer.estimate.train_came(10e6, viewer.now)
        viewer.estimate.lost(Loss(0.4, viewer.now - 0.5, viewer.now), 0.0, viewer.now)
        rungs_shown |= {decision.rung for decision in viewer.run(0.5, remb=False)}
    assert rungs_shown > {0}


def test_a_picture_begins_at_no_more_than_a_train_told_and_slower_behind_a_queue() -> None:
    viewer = Viewer(RUNGS)
    viewer.choice.allow_trains(can_train=True)
    viewer.run(3)
    viewer.estimate.measured(600_000)
    assert viewer.choice.step(RUNGS, 1, viewer.now).start == pace_of_beginning(RUNGS, 0, 600_000)
    viewer.estimate.train_came(500_000, viewer.now)
    told = viewer.choice.step(RUNGS, 1, viewer.now)
    assert told.start == pace_of_beginning(RUNGS, told.rung, 500_000)
    viewer.measure(0.03, 0.3, 0.3, remb=False)
    queued = viewer.choice.step(RUNGS, 1, viewer.now)
    assert queued.start == pace_of_beginning(RUNGS, queued.rung, 0.85 * min(viewer.estimate.carries, 500_000))
    viewer.estimate.train_came(500_000, viewer.now, sent_at=viewer.now)  # all that waited has come
    drained = viewer.choice.step(RUNGS, 1, viewer.now)
    assert drained.start == pace_of_beginning(RUNGS, drained.rung, min(viewer.estimate.carries, 500_000))
