"""A viewer that changes from layer to layer: one stream, whatever happens."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from media.counts import ViewerStats
from media.rtp.srtp import Profile
from media.switch.changeover import STOPPED_SECONDS, URGENT_SECONDS, Changeover
from media.switch.paced import Paced
from media.tracks.sent_track import FRESH_SECONDS
from tests.support.far_end import BOTH_PROFILES
from tests.support.far_viewer import is_patched
from tests.support.layers_world import (
    KEYFRAMES,
    LOWEST,
    PICTURE,
    SOUND,
    ChangingViewer,
    LayersWorld,
)
from tests.support.nonce_watch import NonceWatch
from tests.support.one_stream import assert_one_stream

pytestmark = pytest.mark.usefixtures("each_sender")

FRAME = 1 / 30


def assert_sees(viewer: ChangingViewer, sent: Sequence[bytes]) -> None:
    """These pictures, as one stream."""
    got = viewer.pictures()
    assert [packet.payload for packet in got] == sent
    assert_one_stream(got)


def test_a_change_waits_for_a_keyframe_and_numbers_go_on() -> None:
    world = LayersWorld()
    world.keyframes()
    viewer = ChangingViewer(world)
    sent = world.picture(0)
    viewer.aim(2)
    world.now += FRAME
    world.picture(2)  # refers to pictures that the viewer has not got
    sent += world.picture(0)
    world.now += FRAME
    sent += world.picture(2, keyframe=True)
    sent += world.picture(2)
    world.picture(0)
    assert_sees(viewer, sent)


def test_a_pause_ends_with_the_keyframe_and_the_sound_goes_on() -> None:
    world = LayersWorld()
    world.keyframes()
    viewer = ChangingViewer(world)
    sent = world.picture(0)
    viewer.aim(1, pause=True)
    world.now += FRAME
    world.picture(0)
    world.media(SOUND, timestamp=960)
    world.now += FRAME
    sent += world.picture(1, keyframe=True)
    everything = viewer.far.packets()
    picture = [packet for packet in everything if packet.payload_type == 100]
    assert [packet.payload for packet in picture] == sent
    assert len(everything) == len(sent) + 1
    assert_one_stream(picture)
    assert viewer.far.stats.pauses == viewer.far.stats.layer_changes == 1


@pytest.mark.parametrize("profile", BOTH_PROFILES)
@pytest.mark.parametrize("rtx", [True, False])
def test_what_was_lost_comes_again_from_the_layer_that_it_was_sent_from(profile: Profile, rtx: bool) -> None:
    watch = NonceWatch()
    world = LayersWorld()
    world.keyframes()
    viewer = ChangingViewer(world, 0, profile, rtx=rtx, watch=watch)
    world.picture(0)
    viewer.aim(1)
    world.now += FRAME
    world.picture(1, keyframe=True)
    viewer.aim(0)
    world.now += FRAME
    world.picture(0, keyframe=True)
    datagrams = viewer.far.datagrams()
    got = viewer.far.packets(datagrams)
    for datagram, lost in zip(datagrams, got, strict=True):
        again = viewer.far.loses(PICTURE, lost.sequence)
        if rtx:
            (packet,) = viewer.far.packets(again)
            assert packet.payload == lost.sequence.to_bytes(2) + lost.payload
            assert packet.timestamp == lost.timestamp
        else:
            assert again == [datagram]
    assert watch.twice == []


def test_a_keyframe_whose_first_packet_was_late_is_whole() -> None:
    world = LayersWorld()
    world.keyframes()
    viewer = ChangingViewer(world)
    viewer.aim(1)
    world.now += FRAME
    payloads = world.picture(1, keyframe=True, packets=3, lost=[0])
    world.receive(*world.lost)
    got = viewer.pictures()
    assert sorted(packet.payload for packet in got) == sorted(payloads)
    assert_one_stream(sorted(got, key=lambda packet: packet.sequence))


def test_layers_are_in_step_by_their_clocks() -> None:
    """Their timestamps differ by any number; what the viewer gets counts the time."""
    world = LayersWorld(ahead=(0x7FFF_0000, 5, 0xFFFF_FFFF))
    world.picture(0, keyframe=True)
    world.now += 0.7
    world.picture(1, keyframe=True)  # begins later
    world.feedback.tick(world.now)
    viewer = ChangingViewer(world)
    began = world.now
    world.picture(0)
    viewer.aim(1)
    world.now += 10 * FRAME
    world.picture(1, keyframe=True)
    first, *_, last = viewer.pictures()
    assert last.timestamp - first.timestamp & 0xFFFFFFFF == round((world.now - began) * 90_000)


@pytest.mark.parametrize(("silence", "age"), [(STOPPED_SECONDS, 0.2), (0.5, 0.2), (2.0, 1.0)])
def test_who_sees_a_picture_that_has_stopped_begins_with_a_keyframe_that_has_just_come(
    silence: float, age: float
) -> None:
    world = LayersWorld()
    world.keyframes()
    viewer = ChangingViewer(world)
    sent = world.picture(0)
    world.now += silence - age
    begun = world.picture(1, keyframe=True)
    world.now += age
    begun += world.picture(1)
    viewer.aim(1)
    if silence >= STOPPED_SECONDS and age < FRESH_SECONDS:
        sent += begun
    assert_sees(viewer, sent)


def test_no_change_costs_nothing() -> None:
    """Without a change a viewer shares the numbers of the room; with one it has its own."""
    world = LayersWorld()
    world.picture(0, keyframe=True)
    stays, goes = ChangingViewer(world), ChangingViewer(world)
    assert not is_patched(stays.far.viewer)
    goes.aim(1)
    world.picture(1, keyframe=True)
    assert is_patched(goes.far.viewer)
    assert not is_patched(stays.far.viewer)
    stays.leave()
    goes.leave()
    assert not any(world.feed.profiles)


@pytest.mark.parametrize("pauses", [(True,), (False, True), (True, True)])
def test_to_the_lowest_temporal_layer_no_picture_is_lost(pauses: Sequence[bool]) -> None:
    """It needs no keyframe: so the picture does not stop, however urgent the change is."""
    world = LayersWorld(thinned=True)
    world.picture(2, keyframe=True)
    viewer = ChangingViewer(world, 2)
    world.now += FRAME
    sent = world.picture(2)
    for pause in pauses:
        viewer.aim(LOWEST, pause=pause)
    for frame in range(6):
        world.now += FRAME
        is_upper = frame % 2 == 0
        payloads = world.picture(2, upper=is_upper)
        sent += payloads if not is_upper or frame == 0 else []
    assert_sees(viewer, sent)
    assert viewer.far.stats.pauses == 0
    assert world.feed.sent[LOWEST].awaiting_count == 0


def test_keyframes_alone_do_not_begin_with_one_that_was_sent_already() -> None:
    """On a line that is full, a keyframe that comes twice takes twice its time."""
    world = LayersWorld(thinned=True)
    world.picture(2, keyframe=True)
    viewer = ChangingViewer(world, 2)
    viewer.change.set_pace(1e6, 0.0)
    world.now += FRAME
    sent = world.picture(2)
    viewer.aim(KEYFRAMES)
    for frame in range(4):
        world.now += FRAME
        payloads = world.picture(2, keyframe=frame == 2)
        sent += payloads if frame <= 2 else []
        viewer.step()
        viewer.step()
    assert_sees(viewer, sent)


def test_keyframes_alone_wait_until_their_pace_is_known() -> None:
    world = LayersWorld(thinned=True)
    world.picture(2, keyframe=True)
    viewer = ChangingViewer(world, 2)
    viewer.aim(KEYFRAMES)
    world.now += FRAME
    sent = world.picture(2, keyframe=True)
    for pace, comes in ((None, []), (1e9, sent)):
        if pace is not None:
            viewer.change.set_pace(pace, 0.0)
        viewer.step()
        assert [packet.payload for packet in viewer.pictures()] == comes
        world.now += FRAME


def test_what_waits_for_the_end_of_a_picture_is_one_call_for_each_viewer() -> None:
    """In a room whose publisher is silent, a viewer that changes its mind must not leave anything behind."""
    world = LayersWorld(thinned=True)
    world.picture(2, keyframe=True)
    viewer, other = ChangingViewer(world, 2), ChangingViewer(world, 2)
    for _ in range(50):
        viewer.aim(LOWEST)
        viewer.aim(2)
        other.aim(LOWEST)
    assert len(world.feed.after_burst) <= 1
    viewer.leave()
    other.leave()
    assert len(world.feed.after_burst) == 0
    assert world.feed.thinning is not None
    assert not world.feed.thinning.active


def test_a_keyframe_that_is_not_waited_for_any_more_changes_nothing() -> None:
    world = LayersWorld(thinned=True)
    world.keyframes()
    viewer = ChangingViewer(world, 2)
    for rendition in (0, KEYFRAMES, 1, LOWEST, KEYFRAMES, 2):
        viewer.aim(rendition)
    assert {sent.awaiting_count for sent in world.feed.sent} == {0}
    world.now += FRAME
    world.keyframes()
    assert viewer.far.viewer.rendition == 2
    assert viewer.far.stats.layer_changes == 0


def test_a_picture_that_has_begun_is_not_torn_on_the_way_to_the_lowest_temporal_layer_and_back() -> None:
    world = LayersWorld(thinned=True)
    world.picture(2, keyframe=True)
    viewer = ChangingViewer(world, 2)
    world.now += FRAME
    viewer.aim(LOWEST)
    sent = world.picture(2, packets=3, lost=[2], upper=True)
    assert viewer.far.viewer.rendition == 2
    world.receive(*world.lost)
    assert viewer.far.viewer.rendition == LOWEST
    world.now += FRAME
    world.picture(2, upper=True)
    viewer.aim(2)
    world.lost.clear()
    world.now += FRAME
    sent += world.picture(2, packets=3, lost=[2], keyframe=True)
    assert viewer.far.viewer.rendition == LOWEST
    world.receive(*world.lost)
    assert viewer.far.viewer.rendition == 2
    world.now += FRAME
    sent += world.picture(2, upper=True)
    assert_sees(viewer, sent)


def test_a_viewer_that_pauses_all_the_time_needs_no_keyframe_urgently() -> None:
    world = LayersWorld()
    asked: list[bool] = []

    def want_keyframe(_number: int, _now: float, *, urgent: bool = False) -> None:
        asked.append(urgent)

    world.keyframes()
    viewer = ChangingViewer(world, want_keyframe=want_keyframe)
    for layer in (1, 2, 1, 2, 1):
        viewer.aim(layer, pause=True)
        viewer.change.tick(world.now)
        world.now += FRAME
        world.picture(layer, keyframe=True)
        world.now += URGENT_SECONDS / 5
    assert asked == [True, True, False, False, False]
    viewer.aim(2, pause=True)  # the first time is long enough ago, and the second is not
    viewer.change.tick(world.now)
    assert asked[-1]


def test_what_a_viewer_saw_last_is_noted_by_its_pictures_or_where_it_leaves_them() -> None:
    source = SimpleNamespace(last_received=3.0)
    feed: Any = SimpleNamespace(base_of=lambda _: 0, latest_timestamp=lambda _: 0xFFFFFFFF, sources=[source])
    viewer: Any = SimpleNamespace(rendition=0, shifts=[7])
    nothing: Any = None
    change = Changeover(nothing, feed, viewer, nothing, nothing, ViewerStats(), 0.0)
    slow = Paced(KEYFRAMES, 0, 1.0, 0.0)  # keyframes alone, which come later than their track
    for viewer.behind, change._latest, noted in ((slow, 5, 5), (slow, None, 6), (None, 5, 6)):
        change._note_latest(0, 4.0)
        assert change._latest == noted
    assert (change._latest_at, change._noted_at) == (3.0, 4.0)


@pytest.mark.parametrize(
    ("latest", "clocks", "timestamp", "shift"),
    [
        (None, 500, 1_000, 500),
        (200_000, 199_500, 1_000, 199_500),  # as the clocks say
        (0xFFFFFFF0, 500, 0xFFFFFFFE, 500),
        (1_000, 500 + 2 * 90_000, 1_000, 500 + 2 * 90_000),
        (1_000, 9_001 + 2 * 90_000, 1_000, 9_000),  # too far ahead: by the time that has passed
        (1_500, 589, 1_000, 9_500),  # less than a millisecond
        (5_000, 0, 1_000, 13_000),  # never back
        (1_000, None, 2_000, 0),  # no clock
    ],
)
def test_another_rendition_goes_on_by_its_clock_or_else_by_the_time_that_has_passed(
    latest: int | None, clocks: int | None, timestamp: int, shift: int
) -> None:
    feed: Any = SimpleNamespace(base_of=lambda number: number)
    viewer: Any = SimpleNamespace(rendition=0, shifts=[0])
    nothing: Any = None
    times = {0: None if clocks is None else (0, clocks + 7 & 0xFFFFFFFF), 1: (0, 7)}
    change = Changeover(nothing, feed, viewer, nothing, lambda number, _: times[number], ViewerStats(), 0.0)
    change._latest, change._latest_at = latest, 9.9
    assert change._shift(1, timestamp, 10.0) == shift


def test_keyframes_alone_play_when_the_clock_says_and_never_before_the_one_before() -> None:
    times = (5_000, 0xFFFFFF00, 0x100, 0x100, 0x80, 0x800001B3)
    base, plays = 3, iter([*((0, time) for time in times), None])
    asked: list[tuple[int, float]] = []

    def play_time(number: int, at: float) -> tuple[int, int] | None:
        asked.append((number, at))
        return next(plays)

    feed: Any = SimpleNamespace(base_of=lambda _: base)
    viewer: Any = SimpleNamespace(rendition=0, shifts=[7])
    nothing: Any = None
    change = Changeover(nothing, feed, viewer, nothing, play_time, ViewerStats(), 0.0)
    assert change._shift_to(1.0, 1_000) == 4_000
    change._latest = None
    told = [(change._shift_to(2.0, 10) + 10) & 0xFFFFFFFF for _ in range(5)]
    assert told == [
        0xFFFFFF00,
        0x100,  # over the wrap
        0x100 + 90,  # the clock stands still, ...
        0x100 + 180,  # ... or stepped back: a millisecond behind the one before
        0x800001B3,  # the farthest that is not behind
    ]
    assert change._shift_to(2.0, 0x800001B4) == 7  # no clock yet: as other pictures of it
    assert set(asked) == {(base, 1.0), (base, 2.0)}
