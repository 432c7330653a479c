"""A picture that has stopped: what is ready when a train of packets tells what fits, and when that is."""

import pytest

from media.line.loss_run import Loss
from media.line.packet_train import HEADER_OCTETS, OCTETS, PACKETS
from tests.support.shown_world import ShownWorld, Watcher

APART = (OCTETS + HEADER_OCTETS) * 8 / 300_000  # seconds between two packets, on a line of 300 kbit/s


@pytest.fixture
def world() -> ShownWorld:
    return ShownWorld()


def stopped(world: ShownWorld) -> Watcher:
    viewer = world.watch(number=5)
    world.run(3.0)
    assert viewer.rendition == 0
    viewer.picture.line.lost(Loss(0.6, world.now - 0.5, world.now), 0.3, world.now)
    viewer.picture.tick(world.now)
    assert viewer.rendition is None
    return viewer


def times(stood: float = 0.0) -> list[float | None]:
    """When the packets of a train came, with a pause in the middle."""
    return [1.0 + APART * n + stood * (n > 2) for n in range(PACKETS)]


def test_a_keyframe_is_asked_for_when_the_picture_stops(world: ShownWorld) -> None:
    world.run(1.0)
    asked = world.feed.sent[2].keyframe_at
    stopped(world)
    world.run(0.2)
    assert world.feed.sent[2].keyframe_at > asked


def test_what_a_train_tells_is_heeded_before_the_next_tick(world: ShownWorld) -> None:
    viewer = stopped(world)
    world.run(0.2)
    assert not viewer.picture.has_news
    viewer.picture.arrived(0, times(), world.now)
    assert viewer.picture.has_news
    viewer.picture.tick(world.now)
    assert not viewer.picture.has_news
    assert viewer.rendition == 2  # with the keyframe that came meanwhile


def test_a_train_in_which_the_line_stood_still_is_followed_by_another(world: ShownWorld) -> None:
    """Also where nothing else wants one: the one that was asked for told nothing."""
    viewer = world.watch(number=5)
    world.run(1.0)
    choice, trains = viewer.picture._choice, viewer.picture._trains
    choice.allow_trains(can_train=True)
    assert not choice.wants_train(world.now)
    viewer.picture.arrived(trains.send(world.now), times(stood=0.2), world.now)
    assert choice.wants_train(world.now)
    choice.train_left(world.now)
    assert not choice.wants_train(world.now)
