"""A layer that stops takes no viewer with it: those that have it or wait for it get the next one."""

from collections.abc import Collection

import pytest

from media.rooms import ladder
from media.switch.thinning import Thinning
from media.tracks.track import LIVE_SECONDS
from tests.support.far_viewer import FarViewer
from tests.support.layers_world import LAYERS, LayersWorld, wires

FRAME_SECONDS = 1 / 30


class LivingWorld(LayersWorld):
    """It measures its ladder, as a room does."""

    def __init__(self) -> None:
        super().__init__()
        feed = self.feed
        feed.thinning = Thinning(feed.sent, LAYERS[-1])
        feed.sent = [*feed.sent, *feed.thinning.sent]
        feed.ssrcs = [track.ssrc for track in feed.sent]
        feed.take(feed.sources)
        self.switch.open_source(feed, self.publisher.keys)
        self._frames = 0

    def play(self, seconds: float, *layers: int, keyframes: Collection[int] = LAYERS) -> None:
        """These layers come; those of `keyframes` have one each second."""
        for _ in range(round(seconds / FRAME_SECONDS)):
            second = self._frames % 30 == 0
            for layer in layers:
                self.picture(layer, keyframe=second and layer in keyframes)
            if second:
                for track in self.feed.sent:
                    track.measure(self.now)
                self.feed.ladder = ladder.measure(self.feed, self.tracks, self.now)
            for viewer in self.viewers:
                viewer.playback.step(self.now)
                viewer.playback.tick(self.now)
            self._frames += 1
            self.now += FRAME_SECONDS

    def watch(self, layer: int) -> FarViewer:
        picture, *_, sound = wires(rtx=True)
        return self.join([picture, picture, picture, sound, picture, picture], rendition=layer)


@pytest.fixture
def world() -> LivingWorld:
    world = LivingWorld()
    world.play(3.0, *LAYERS)
    return world


def test_a_viewer_of_a_layer_that_stops_gets_the_next_one(world: LivingWorld) -> None:
    viewer = world.watch(0)
    world.play(2.0, *LAYERS)
    assert viewer.viewer.rendition == 0
    world.play(LIVE_SECONDS + 2.5, 1, 2)
    assert viewer.viewer.rendition == 1


def test_a_viewer_does_not_wait_for_a_layer_that_has_stopped(world: LivingWorld) -> None:
    viewer = world.watch(1)
    world.play(2.0, *LAYERS, keyframes=[1])
    assert (viewer.viewer.rendition, world.feed.sent[0].awaiting_count) == (1, 1)
    world.play(LIVE_SECONDS + 2.5, 1, 2)
    assert (viewer.viewer.rendition, world.feed.sent[0].awaiting_count) == (1, 0)


def test_a_viewer_that_comes_when_its_layer_has_just_stopped_gets_the_next_one(world: LivingWorld) -> None:
    world.play(0.5, 1, 2)
    viewer = world.watch(0)
    world.play(LIVE_SECONDS + 1.5, 1, 2)
    assert viewer.viewer.rendition == 1
    assert len(viewer.waited) == 1
    world.play(2.0, *LAYERS)
    assert viewer.viewer.rendition == 0
    assert len(viewer.waited) == 1


def test_a_viewer_that_comes_after_a_layer_has_stopped_begins_with_the_next_one(world: LivingWorld) -> None:
    world.play(LIVE_SECONDS + 1.0, 1, 2)
    assert world.feed.ladder is not None
    assert world.feed.ladder.number(world.feed.ladder.best_from(0)) == 1
