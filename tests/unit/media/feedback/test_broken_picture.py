"""A viewer whose picture is broken while it waits for a lower one."""

import math

import pytest

from tests.support.shown_world import ShownWorld, Watcher


@pytest.fixture
def viewer() -> Watcher:
    """It gets the best layer, which almost fits, and waits for a keyframe of the next one."""
    world = ShownWorld()
    world.answers = False
    viewer = world.watch(number=5)
    world.run(3.0)
    assert world.feed.ladder is not None
    line = viewer.picture.line
    for seconds in (0.03, 0.3, 0.3):
        line.round_trip(seconds, world.now)
    line.train_came(0.97 * world.feed.ladder.needs[0], world.now)
    viewer.picture.tick(world.now)
    return viewer


def miss(viewer: Watcher, *, comes: bool) -> None:
    """It requests a packet again and again."""
    index = viewer.world.feed.sent[0].history.next_index - 1
    for _ in range(3):
        if comes:
            viewer.picture.line.train_came(math.inf, viewer.world.now)
        assert viewer.picture.asked([index], viewer.world.now) == (4 if comes else 0)
        viewer.world.run(0.1)


def test_it_stops_when_what_is_missing_does_not_come(viewer: Watcher) -> None:
    viewer.world.run(0.3)
    assert viewer.rendition == 0
    miss(viewer, comes=False)
    assert viewer.rendition is None
    viewer.world.answers = True
    viewer.world.until(lambda: viewer.rendition == 1, 1.0)


def test_it_goes_on_when_that_is_sent_again(viewer: Watcher) -> None:
    miss(viewer, comes=True)
    assert viewer.rendition == 0
