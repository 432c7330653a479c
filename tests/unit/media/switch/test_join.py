"""A viewer's first picture, over the real switch: of publishers that listen and of those that do not."""

from collections.abc import Sequence

import pytest

from media.feedback.publisher_feedback import REPORT_SECONDS
from media.rtp.sequence import WRAP_GUARD
from media.rtp.srtp import Profile
from media.switch.join import ASK_AGAIN_SECONDS
from media.switch.join_burst import MOST_SECONDS, JoinBurst
from media.switch.wire import Wire
from media.tracks.keyframe_requests import ANSWER_SECONDS, PROOF
from media.tracks.sent_track import FRESH_SECONDS
from tests.support.far_end import BOTH_PROFILES
from tests.support.layers_world import ChangingViewer, LayersWorld
from tests.support.picture_world import (
    FRAME_PACKETS,
    FRAME_SECONDS,
    KEY,
    PictureWorld,
    assert_contiguous,
    first_keyframe,
    picture_of,
)
from tests.support.published import AUDIO, VIDEO
from tests.support.world import RTX_SSRCS, SSRCS

pytestmark = pytest.mark.usefixtures("each_sender")

WIRES = (Wire(96, {}, nack=True), Wire(111, {}))
WIRES_WITH_RTX = (Wire(96, {}, nack=True, rtx=97), Wire(111, {}))


@pytest.mark.parametrize(
    ("had", "wraps_at", "begins"),
    [
        (25, 80, 25),
        (10_000, 80, 59 * FRAME_PACKETS),  # more than there is: with what came with the last picture
        (60 * FRAME_PACKETS - WRAP_GUARD, 60, 0),  # too close to the wrap that follows
    ],
)
def test_who_has_had_a_part_of_the_pictures_gets_the_rest_at_once(
    had: int, wraps_at: int, begins: int
) -> None:
    """An edge that goes on over another relay: it waits for no keyframe. The numbers wrap at that frame."""
    first = 0x20000 - wraps_at * FRAME_PACKETS
    world = PictureWorld(gop=60.0, index=first)
    world.run(2.0)
    assert not world.requests.hopeless(world.now)
    viewer = world.join()
    assert isinstance(viewer.viewer.behind, JoinBurst)
    viewer.viewer.behind.not_before = first + had
    viewer.playback.step(world.now)
    at, packet = picture_of(viewer)[0]
    assert (at, packet.sequence) == (0.0, first + begins & 0xFFFF)
    world.run(0.5)
    assert_contiguous(picture_of(viewer))


# --- a publisher that listens


def test_a_publisher_that_answers_is_asked_and_no_picture_is_kept() -> None:
    world = PictureWorld(answers=True)
    world.run(1.0)
    for _ in range(PROOF + 1):
        world.join()
        world.run(2.0)
    assert world.requests.trusted
    assert not world.picture.has_pictures
    viewer = world.join()
    world.run(1.0)
    packets = picture_of(viewer)
    assert first_keyframe(packets) <= 2 * FRAME_SECONDS
    assert_contiguous(packets)
    assert viewer.stats.join_bursts == 0
    assert viewer.waited == [pytest.approx(first_keyframe(packets), abs=0.01)]


def test_a_viewer_that_joins_as_the_kept_pictures_grow_stale_does_not_wait_for_ever() -> None:
    world = PictureWorld(answers=True, gop=60.0)
    for _ in range(PROOF + 1):
        world.run(2.0)
        world.join()
    world.run(0.4)
    world.now = world.picture.pictures.began_at + FRESH_SECONDS + 0.01
    viewer = world.join()
    viewer.playback.step(world.now)
    assert world.picture.has_pictures  # until the next packet drops them
    assert viewer.viewer.behind is not None
    world.run(1.0)
    packets = picture_of(viewer)
    assert first_keyframe(packets) <= 3 * FRAME_SECONDS
    assert_contiguous(packets)


def test_the_first_viewer_of_a_publisher_that_answers_begins_with_that_keyframe() -> None:
    world = PictureWorld(answers=True)
    world.run(2.0)
    viewer = world.join()
    world.run(1.0)
    packets = picture_of(viewer)
    assert packets[0][1].payload.startswith(KEY)
    assert packets[0][0] <= 2 * FRAME_SECONDS
    assert_contiguous(packets)
    assert world.publisher.asked == 1


# --- one that does not


@pytest.mark.parametrize("profile", BOTH_PROFILES)
@pytest.mark.parametrize("wires", [WIRES, WIRES_WITH_RTX])
def test_a_publisher_that_does_not_answer_makes_the_first_viewer_wait_half_a_second(
    profile: Profile, wires: Sequence[Wire]
) -> None:
    world = PictureWorld(answers=False)
    world.run(3.0)
    viewer = world.join(wires, profile)
    world.run(6.0)
    packets = picture_of(viewer)
    assert ANSWER_SECONDS <= packets[0][0] <= ANSWER_SECONDS + 0.02
    assert packets[0][1].payload.startswith(KEY)
    assert_contiguous(packets)
    assert viewer.viewer.behind is None
    assert viewer.waited == [pytest.approx(packets[0][0], abs=0.01)]


def test_and_makes_later_viewers_wait_for_nothing() -> None:
    world = PictureWorld(answers=False)
    world.run(3.0)
    world.join()
    world.run(1.0 + 2.9)
    for _ in range(4):
        viewer = world.join()
        world.run(1.9)
        packets = picture_of(viewer)
        assert packets[0][0] <= 0.01
        assert packets[0][1].payload.startswith(KEY)
        assert_contiguous(packets)
        assert viewer.stats.join_bursts == 1


def test_a_publisher_that_cannot_be_asked_is_not_waited_for() -> None:
    world = PictureWorld(deaf=True)
    world.run(3.0)
    viewer = world.join()
    world.run(0.1)
    assert picture_of(viewer)[0][0] <= 0.01
    assert not world.publisher.asked


def test_sound_does_not_wait_for_the_picture() -> None:
    world = PictureWorld(answers=False)
    world.run(3.0)
    viewer = world.join()
    world.run(0.4)
    packets = viewer.packets()
    assert {packet.ssrc for packet in packets} == {SSRCS[AUDIO]}
    assert len(packets) == 12
    assert viewer.playback.tick(world.now + REPORT_SECONDS) == b""


def test_a_burst_is_paced_and_ends_at_the_live_edge() -> None:
    world = PictureWorld(answers=False, gop=10.0)
    world.run(9.0)
    viewer = world.join()
    world.run(4.0)
    packets = picture_of(viewer)
    end = max(at for at, packet in packets if packet.payload.startswith(KEY) or at < MOST_SECONDS)
    assert end <= ANSWER_SECONDS + MOST_SECONDS
    spread = [sum(n / 50 <= at < (n + 1) / 50 for at, _ in packets) for n in range(200)]
    assert max(spread) < 80  # in 20 ms
    assert_contiguous(packets)
    assert packets[-1][1].sequence == world.picture.history.next_index - 1 & 0xFFFF


def test_a_burst_does_not_jump_ahead_to_a_new_keyframe() -> None:
    world = PictureWorld(answers=False)
    world.run(4.0 - ANSWER_SECONDS - 0.2)
    viewer = world.join()
    world.run(3.0)
    packets = picture_of(viewer)
    keyframes = [at for at, packet in packets if packet.payload.startswith(KEY)]
    assert len(keyframes) == 2
    assert_contiguous(packets)


def test_a_viewer_counts_what_it_was_sent_and_no_more() -> None:
    world = PictureWorld(answers=False)
    other = world.join()
    world.run(3.0)
    viewer = world.join()
    for _ in range(30):
        world.run(0.2)
        for each in (viewer, other):
            for track, ssrc in enumerate(SSRCS):
                arrived = [d for _, d in each.inbox if d[8:12] == ssrc.to_bytes(4)]
                assert each.playback.viewer.sent(track)[0] == len(arrived)
    for each in (viewer, other):
        packets = each.packets()
        octets = [sum(len(p.payload) for p in packets if p.ssrc == ssrc) for ssrc in SSRCS]
        assert [each.playback.viewer.sent(track)[1] for track in range(2)] == octets


@pytest.mark.parametrize("rtx", [False, True])
def test_what_a_viewer_loses_of_its_burst_comes_again(rtx: bool) -> None:
    world = PictureWorld(answers=False)
    world.run(3.9 - ANSWER_SECONDS)
    viewer = world.join(WIRES_WITH_RTX if rtx else WIRES)
    world.run(ANSWER_SECONDS + 0.05)
    first = picture_of(viewer)
    viewer.inbox.clear()
    lost = [first[n][1].sequence for n in (0, 3, len(first) - 1)]
    not_yet = first[-1][1].sequence + 1
    again = viewer.loses(SSRCS[VIDEO], *lost, not_yet)
    assert len(again) == len(lost)
    ssrc = (RTX_SSRCS if rtx else SSRCS)[VIDEO]
    assert all(datagram[8:12] == ssrc.to_bytes(4) for datagram in again)


@pytest.mark.parametrize(
    ("amid_pictures", "before", "seconds", "waits"),
    [(False, 3.0, 0.1, 0), (False, 3.0, ANSWER_SECONDS + 0.1, 0), (True, 0.0, 0.1, 1)],
    ids=["while it waits for an answer", "in its burst", "before any keyframe"],
)
def test_a_viewer_that_leaves_early_leaves_nothing(
    amid_pictures: bool, before: float, seconds: float, waits: int
) -> None:
    world = PictureWorld(answers=False, amid_pictures=amid_pictures)
    world.run(before)
    viewer = world.join()
    world.run(seconds)
    assert world.picture.awaiting_count >= waits
    viewer.leave()
    assert not any(world.feed.profiles)
    assert world.picture.awaiting_count == 0


# --- settings


def test_on_means_that_nobody_waits_whatever_the_publisher_does() -> None:
    world = PictureWorld(mode="on", answers=True)
    for _ in range(2 * PROOF):
        world.run(3.0)
        viewer = world.join()
        world.run(0.1)
        assert picture_of(viewer)[0][0] <= 0.01
        assert viewer.stats.join_bursts == 1


def test_a_room_without_a_keyframe_goes_live_and_reports_when_one_comes() -> None:
    world = PictureWorld(gop=3.0, amid_pictures=True)
    viewer = world.join()
    world.run(4.0)
    packets = picture_of(viewer)
    assert packets[0][0] == 0
    assert viewer.waited == [pytest.approx(3.0, abs=0.05)]


def test_pictures_that_are_dropped_while_a_viewer_waits_make_it_live() -> None:
    world = PictureWorld(gop=60.0)
    world.run(12.0 - ANSWER_SECONDS / 2)
    assert world.picture.has_pictures
    viewer = world.join()
    world.run(2.0)
    assert not world.picture.has_pictures
    assert_contiguous(picture_of(viewer))
    assert viewer.viewer.behind is None


# --- layers


def test_a_viewer_that_another_layer_reaches_first_has_waited_until_then() -> None:
    world = LayersWorld()
    viewer = ChangingViewer(world, 0)
    viewer.far.playback.step(world.now)
    viewer.aim(1)
    world.now += ASK_AGAIN_SECONDS
    world.picture(1, keyframe=True)
    assert viewer.pictures()
    viewer.far.playback.step(world.now)
    assert viewer.far.waited == [pytest.approx(ASK_AGAIN_SECONDS)]
    world.picture(0, keyframe=True)
    viewer.far.playback.step(world.now)
    assert len(viewer.far.waited) == 1


@pytest.mark.parametrize("age", [0.0, FRESH_SECONDS])
def test_a_viewer_that_begins_with_another_layer_gets_the_keyframe_of_that_which_has_just_come(
    age: float,
) -> None:
    world = LayersWorld(join_burst="on")
    world.picture(0, keyframe=True)
    keyframe, following = world.picture(1, keyframe=True), world.picture(1)
    world.now += age
    viewer = ChangingViewer(world, 0)
    viewer.aim(1, pause=True)
    sent = [packet.payload for packet in viewer.pictures()]
    assert sent == (keyframe + following if age < FRESH_SECONDS else [])
    assert len(viewer.far.waited) == bool(sent)
    keyframe = world.picture(1, keyframe=True)
    assert [packet.payload for packet in viewer.pictures()] == keyframe
    assert len(viewer.far.waited) == 1


def test_a_viewer_that_leaves_its_layer_before_its_first_picture_has_seen_none() -> None:
    world = LayersWorld()
    viewer = ChangingViewer(world, 0)
    viewer.far.playback.step(world.now)
    viewer.aim(None)
    world.now += ASK_AGAIN_SECONDS
    viewer.far.playback.step(world.now)
    world.picture(0, keyframe=True)
    assert viewer.far.waited == []
