"""The trains of one viewer: when they leave, and what their answers decide of its picture."""

import math

import pytest

from media.line.loss_run import Loss
from media.line.packet_train import HEADER_OCTETS, OCTETS, PACKETS
from media.switch.rendition import PACKET_OVERHEAD
from tests.support.shown_world import ShownWorld, Watcher

APART = (OCTETS + HEADER_OCTETS) * 8 / 300_000  # seconds between two packets, on a line of 300 kbit/s
WIDE = [1.0 + 0.0005 * n for n in range(PACKETS)]  # on one of 3 Mbit/s


@pytest.fixture
def world() -> ShownWorld:
    return ShownWorld()


def stopped(world: ShownWorld) -> Watcher:
    viewer = world.watch(number=5)
    world.run(0.05)
    viewer.picture.arrived(0, WIDE, world.now)
    world.run(3.0)
    assert viewer.rendition == 0
    viewer.picture.line.lost(Loss(0.6, 0.6, world.now - 0.5, world.now), world.now)
    viewer.picture.tick(world.now)
    assert viewer.rendition is None
    return viewer


def times(stood: float = 0.0) -> list[float | None]:
    """When the packets of a train came, with a pause in the middle."""
    return [1.0 + APART * n + stood * (n > 2) for n in range(PACKETS)]


@pytest.mark.parametrize("lost", [0, 2])
def test_a_train_leaves_before_the_first_picture_and_its_answer_decides_what_follows(
    world: ShownWorld, lost: int
) -> None:
    viewer, beside = world.watch(number=5), world.watch(number=None)
    world.run(0.02)
    assert [packet for _, packet in viewer.got][:PACKETS] == viewer.padding()
    assert len(viewer.padding()) == PACKETS
    assert not beside.padding()  # it would tell of none
    world.run(0.1)
    viewer.picture.arrived(0, [*times()[: PACKETS - lost], *[None] * lost], world.now)
    world.until(lambda: viewer.picture.is_limited, 0.9)  # without a queue, a loss or a second train
    world.run(2.0)
    assert viewer.rendition == 2


def test_the_answer_to_the_train_of_a_join_decides_at_once(world: ShownWorld) -> None:
    viewer = world.watch(number=5)
    world.run(0.1)
    assert not viewer.picture.has_news
    viewer.picture.arrived(0, times(), world.now)
    assert viewer.picture.has_news  # 0.1 s of a join that is sent at 10 Mbit/s is 3 s of such a line
    viewer.picture.tick(world.now)
    assert viewer.picture.is_limited


def test_after_the_join_a_viewer_rests_again(world: ShownWorld) -> None:
    viewer = world.watch(number=5)
    world.run(0.1)
    viewer.picture.arrived(0, WIDE, world.now)
    world.run(0.4)
    assert not viewer.picture.rests
    world.run(1.0)
    assert viewer.picture.rests
    assert len(viewer.padding()) == PACKETS


@pytest.mark.parametrize("read_late", [False, True])
def test_who_joins_gets_a_train_each_fifth_of_a_second_until_one_is_exact(
    world: ShownWorld, read_late: bool
) -> None:
    """A browser that joins is busy, and reads a whole train at once; or its answer was lost."""
    viewer = world.watch(number=5)
    world.run(0.1)
    if read_late:
        viewer.picture.arrived(0, [1.0] * PACKETS, world.now)
        assert viewer.picture.line.most(world.now) == math.inf
    assert len(viewer.padding()) == PACKETS
    world.run(0.8)  # its picture begins after 0.5 s
    assert len(viewer.padding()) == 3 * PACKETS
    # those that follow an unanswered one are small, and not exact
    viewer.picture.arrived(2 * PACKETS if read_late else 0, times(), world.now)
    world.until(lambda: viewer.picture.is_limited, 0.1)


def test_who_never_tells_of_a_train_gets_few(world: ShownWorld) -> None:
    viewer = world.watch(number=5)
    world.run(5.0)
    assert len(viewer.padding()) <= 6 * PACKETS


def test_at_another_address_a_train_leaves_before_the_next_picture_as_at_a_join(world: ShownWorld) -> None:
    """Though the last one to the former address was not answered: the new line may be narrow."""
    viewer = world.watch(number=5)
    world.run(0.3)
    viewer.far.playback.move(world.arrives(viewer.far), world.now)
    world.run(0.05)
    assert len(viewer.padding()) == 2 * PACKETS
    viewer.picture.arrived(0, [1.0] * PACKETS, world.now)  # to the former one
    assert viewer.picture.line.most(world.now) is None
    viewer.picture.arrived(PACKETS, times(), world.now)
    world.until(lambda: viewer.picture.is_limited, 0.9)


def test_who_changes_between_its_addresses_all_the_time_gets_few_trains(world: ShownWorld) -> None:
    """A way back to a proven address costs a check of 100 bytes, and a train has ten times as many."""
    viewer = world.watch(number=5)
    world.run(0.5)
    before = len(viewer.padding())
    addresses = [world.arrives(viewer.far), world.arrives(viewer.far)]
    for n in range(100):
        viewer.far.playback.move(addresses[n % 2], world.now)
        world.run(0.01)
    assert PACKETS <= len(viewer.padding()) - before <= 20 * PACKETS


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
    viewer.picture.arrived(PACKETS, times(), world.now)
    assert viewer.picture.has_news
    viewer.picture.tick(world.now)
    assert not viewer.picture.has_news
    assert viewer.rendition == 2  # with the keyframe that came meanwhile


def test_a_train_in_which_the_line_stood_still_is_followed_by_another(world: ShownWorld) -> None:
    """Also where nothing else wants one: the one that was asked for told nothing."""
    viewer = world.watch(number=5)
    world.run(3.0)
    choice, trains = viewer.picture._choice, viewer.picture._trains
    choice.train_left(world.now)
    assert not choice.wants_train(world.now)
    viewer.picture.arrived(trains.send(world.now), times(stood=0.2), world.now)
    assert choice.wants_train(world.now)
    choice.train_left(world.now)
    assert not choice.wants_train(world.now)


def test_a_train_leaves_when_the_picture_has_stopped_and_counts_as_sent(world: ShownWorld) -> None:
    viewer = stopped(world)
    since = world.now - 0.005
    world.run(0.15)
    assert len(viewer.padding(since)) == PACKETS
    padding = viewer.padding()
    assert viewer.picture._padded == sum(len(packet.payload) + PACKET_OVERHEAD for packet in padding)
