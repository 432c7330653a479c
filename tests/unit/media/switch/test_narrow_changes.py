"""A viewer that changes on a narrow line: its keyframe takes its time, and none is waited for that came."""

import pytest

from media.counts import TcpStats
from media.rtp.extensions import PlayoutDelay
from media.rtp.srtp import Profile
from media.switch.changeover import BETTER_SECONDS
from media.switch.join_burst import JoinBurst
from media.tracks.sent_track import FRESH_SECONDS, GOES_ON_SECONDS
from media.transport.tcp_backlog import TcpBacklog
from tests.support.far_end import BOTH_PROFILES
from tests.support.layers_world import (
    KEYFRAMES,
    LOWEST,
    PICTURE_RTX,
    ChangingViewer,
    LayersWorld,
)
from tests.support.nonce_watch import NonceWatch
from tests.support.one_stream import assert_one_stream

pytestmark = pytest.mark.usefixtures("each_sender")

FRAME = 1 / 30
RATE = 400_000.0  # bit/s
STEP = 0.01


def begun(*, thinned: bool = False) -> LayersWorld:
    world = LayersWorld(thinned=thinned)
    world.keyframes()
    world.now += FRAME
    return world


def on_its_way(world: LayersWorld) -> ChangingViewer:
    """It gets layer 2, and waits for a keyframe of layer 1, on a line of which the rate is known."""
    viewer = ChangingViewer(world, 2)
    viewer.change.set_pace(0.0, RATE)
    viewer.aim(1)
    return viewer


def asking(world: LayersWorld, layer: int | None = 0) -> tuple[ChangingViewer, list[tuple[int, bool]]]:
    """It gets that layer; the tracks of which it wants a keyframe, and whether that is urgent."""
    asked: list[tuple[int, bool]] = []

    def want(number: int, _now: float, *, urgent: bool = False) -> None:
        asked.append((number, urgent))

    return ChangingViewer(world, layer, want_keyframe=want), asked


def test_a_keyframe_goes_at_the_pace_of_the_line_and_what_follows_waits_behind_it() -> None:
    world = begun()
    viewer = on_its_way(world)
    sent = world.picture(1, keyframe=True, packets=20, size=1000)
    came: list[bytes] = []
    began = world.now
    while viewer.waits:
        world.now += STEP
        if round((world.now - began) / STEP) == 10:
            sent += world.picture(1)
            assert len(came) < 10
        viewer.step()
        came += [packet.payload for packet in viewer.pictures()]
    assert came == sent
    assert world.now - began == pytest.approx(20 * 1000 * 8 / RATE, rel=0.2)
    next_one = world.picture(1)
    assert not viewer.pictures()
    assert finish(viewer) == next_one


def test_a_keyframe_that_comes_no_faster_than_the_line_takes_it_is_sent_no_faster_either() -> None:
    """Publishers pace what they send: that no packet waits does not mean that all of it was sent."""
    world = begun()
    viewer = on_its_way(world)
    world.picture(1, keyframe=True, packets=1, size=1000)
    for _ in range(10):
        world.now += STEP
        viewer.step()
    assert not viewer.waits
    viewer.pictures()
    world.picture(1, packets=4, size=1000)
    assert not viewer.pictures()
    viewer.step()
    assert len(viewer.pictures()) == 1
    assert len(finish(viewer)) == 3
    viewer.change.set_pace(0.0, 0.0)
    viewer.step()
    live = world.picture(1)
    assert [packet.payload for packet in viewer.pictures()] == live


def test_a_change_of_mind_in_the_middle_of_a_keyframe_leaves_one_stream() -> None:
    world = begun()
    viewer = on_its_way(world)
    world.picture(1, keyframe=True, packets=20, size=1000)
    world.now += STEP
    viewer.step()
    got = viewer.pictures()
    viewer.aim(0, pause=True)
    assert viewer.far.viewer.behind is None
    world.now += FRAME
    world.picture(0, keyframe=True)
    while viewer.waits:
        world.now += STEP
        viewer.step()
    world.picture(1)
    got += viewer.pictures()
    assert_one_stream(got)


@pytest.mark.parametrize("steps", [0, 5])
@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_what_comes_late_from_before_the_keyframe_costs_none_of_it(profile: Profile, steps: int) -> None:
    world = begun()
    watch = NonceWatch()
    viewer = ChangingViewer(world, 2, profile, watch=watch)
    world.picture(2)
    viewer.pictures()
    world.now += FRAME
    viewer.change.set_pace(0.0, RATE)
    world.picture(1, lost=[1])
    late = world.lost.pop()
    world.now += FRAME
    viewer.aim(1)
    sent = world.picture(1, keyframe=True, packets=20, size=1000)
    for _ in range(steps):
        world.now += STEP
        viewer.step()
    world.receive(late)
    assert finish(viewer) == sent
    assert viewer.far.viewer.sender.take_refused() == 0
    assert watch.twice == []


@pytest.mark.parametrize(("first", "then"), [(2, LOWEST), (LOWEST, 2)])
def test_a_step_to_fewer_pictures_or_more_of_a_layer_leaves_its_keyframe_whole(first: int, then: int) -> None:
    world = begun(thinned=True)
    viewer = ChangingViewer(world, 0)
    world.picture(0)
    viewer.pictures()
    viewer.change.set_pace(0.0, RATE)
    viewer.aim(first)
    sent = world.picture(2, keyframe=True, packets=20, size=1000)
    viewer.aim(then)
    for number in range(4):
        world.now += FRAME
        world.picture(2, upper=number % 2 == 0)
        viewer.step()
    assert finish(viewer)[: len(sent)] == sent
    for number in range(4):
        world.now += FRAME
        world.picture(2, upper=number % 2 == 0)
        finish(viewer)
    assert viewer.far.viewer.rendition == then


@pytest.mark.parametrize("tcp", [True, False])
def test_over_tcp_nothing_is_paced_since_the_connection_does(tcp: bool) -> None:
    world = begun()
    viewer = ChangingViewer(world, 2)
    viewer.far.viewer.backlog = TcpBacklog(TcpStats()) if tcp else None
    viewer.change.set_pace(0.0, RATE)
    viewer.aim(1)
    world.picture(1, keyframe=True, packets=20, size=1000)
    assert (viewer.far.viewer.behind is None) == tcp


@pytest.mark.parametrize("form", [1, LOWEST])
def test_over_tcp_what_begins_anew_is_sent_by_rtx_first_which_tells_the_delay(form: int) -> None:
    world = begun(thinned=True)
    viewer = ChangingViewer(world, 2)
    viewer.far.viewer.queue_in(TcpBacklog(TcpStats()))
    viewer.far.viewer.delay_playout(PlayoutDelay(0.0, 0.1))
    viewer.aim(None if form == 1 else form)
    world.now += FRAME
    sent = world.picture(1, keyframe=True, packets=3)
    for layer in (1, 2):
        world.picture(layer)
    viewer.aim(form)
    again = [packet for packet in viewer.far.packets() if packet.ssrc == PICTURE_RTX]
    assert (viewer.far.viewer.rendition, world.feed.fault) == (form, None)
    assert [packet.payload[2:] for packet in again] == [each for each in sent[:1] if form == 1]
    assert viewer.far.viewer.resent_octets == sum(len(packet.payload) - 2 for packet in again)


def paused(world: LayersWorld) -> ChangingViewer:
    viewer = ChangingViewer(world, 0)
    viewer.change.set_pace(0.0, RATE)
    world.now += FRAME
    world.picture(0)
    viewer.aim(None)
    viewer.pictures()
    world.now += FRAME
    return viewer


def finish(viewer: ChangingViewer) -> list[bytes]:
    while viewer.waits:
        viewer.world.now += STEP
        viewer.step()
    got = viewer.pictures()
    assert_one_stream(got)
    return [packet.payload for packet in got]


def test_after_a_pause_a_picture_begins_with_the_keyframe_that_came_meanwhile() -> None:
    world = begun()
    viewer = paused(world)
    sent = world.picture(2, keyframe=True, packets=20, size=1000)
    world.now += FRAME
    sent += world.picture(2)
    viewer.aim(2)
    assert isinstance(viewer.far.viewer.behind, JoinBurst)
    assert world.feed.sent[2].awaiting_count == 0
    assert finish(viewer) == sent


def test_a_keyframe_from_before_the_pause_is_none_to_begin_with() -> None:
    world = begun()
    viewer = paused(world)
    world.picture(2)
    viewer.aim(2)
    assert viewer.far.viewer.rendition is None
    assert world.feed.sent[2].awaiting_count == 1


def test_nor_is_one_with_too_much_behind_it_for_the_line() -> None:
    world = begun()
    viewer = paused(world)
    world.picture(2, keyframe=True, packets=60, size=1000)  # more than passes in a second
    viewer.aim(2)
    assert viewer.far.viewer.rendition is None
    viewer.aim(1)
    world.picture(1, keyframe=True)
    assert viewer.far.viewer.rendition == 1


def test_nor_is_one_behind_which_nothing_comes() -> None:
    """A layer that nobody at an edge watched is off, and begins anew."""
    world = begun()
    viewer = paused(world)
    world.picture(2, keyframe=True)
    world.now += GOES_ON_SECONDS + 0.1
    viewer.aim(2)
    assert viewer.far.viewer.rendition is None
    assert world.feed.sent[2].awaiting_count == 1


@pytest.mark.parametrize("form", [LOWEST, KEYFRAMES])
def test_nor_is_one_of_a_thinned_form_which_may_have_been_off_since(form: int) -> None:
    world = begun(thinned=True)
    other = ChangingViewer(world, 2)
    other.aim(form)
    viewer = paused(world)
    world.picture(2, keyframe=True)
    other.leave()
    world.picture(2)
    viewer.aim(form)
    assert viewer.far.viewer.rendition is None


@pytest.mark.parametrize("shown", [None, KEYFRAMES])
def test_a_keyframe_is_urgent_for_who_sees_none_any_more_or_keyframes_alone(shown: int | None) -> None:
    world = begun(thinned=True)
    viewer, asked = asking(world)
    viewer.change.set_pace(1e6, RATE)
    viewer.aim(shown)
    if shown is not None:
        world.now += FRAME
        world.picture(2, keyframe=True)
    world.now += FRAME
    viewer.aim(1)
    viewer.change.tick(world.now)
    assert asked == [(1, True)]


def test_it_is_not_urgent_for_who_never_had_a_picture() -> None:
    world = begun()
    world.now += FRESH_SECONDS + FRAME  # otherwise it begins with the keyframe that is there
    viewer, asked = asking(world, None)
    viewer.aim(1)
    viewer.change.tick(world.now)
    assert asked == [(1, False)]
    sent = world.picture(1, keyframe=True)
    assert [packet.payload for packet in viewer.pictures()] == sent


def test_a_change_that_needs_no_keyframe_asks_for_one_where_no_picture_ends() -> None:
    world = begun(thinned=True)
    viewer, asked = asking(world, 2)
    world.now += BETTER_SECONDS
    viewer.aim(LOWEST)
    for later, times in ((0.0, 0), (0.99, 0), (0.02, 1)):
        world.now += later
        viewer.change.tick(world.now)
        assert asked == [(2, False)] * times


@pytest.mark.parametrize("next_one", [2, LOWEST])
def test_a_picture_that_has_stopped_is_prepared_for_until_its_keyframe_comes(next_one: int) -> None:
    world = begun(thinned=True)
    viewer, asked = asking(world)
    viewer.change.prepare(next_one, world.now)
    assert asked == []  # it has not stopped
    world.now += FRAME
    viewer.aim(None)
    viewer.change.prepare(next_one, world.now)
    assert asked == [(2, True)]
    world.now += FRAME
    world.picture(2, keyframe=True)
    viewer.change.prepare(next_one, world.now)
    assert asked == [(2, True)]


def test_who_sees_a_picture_meanwhile_waits_for_a_keyframe_that_comes_anyway() -> None:
    world = begun()
    viewer, asked = asking(world)
    viewer.aim(1)
    world.now = world.feed.sent[1].keyframe_at + BETTER_SECONDS - 0.01
    viewer.change.tick(world.now)
    assert asked == []
    world.now += 0.02
    viewer.change.tick(world.now)
    assert asked == [(1, False)]


def test_who_sees_what_its_line_does_not_carry_waits_for_none() -> None:
    world = begun()
    viewer, asked = asking(world)
    viewer.aim(1)
    viewer.change.tick(world.now, fits=False)
    assert asked == [(1, False)]
