"""One room in time: what it measures and says, what it warns of, and when it has waited long enough."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from media.counts import PublisherStats
from media.negotiation.agreed_tracks import PublishedTrack
from media.rooms.publisher_life import PublisherState
from media.rooms.room import Room, new_room
from media.rooms.stream_watch import MEASURE_SECONDS, NO_MEDIA_SECONDS
from media.rooms.warnings import NO_KEYFRAME, NO_PARAMETER_SETS, REORDERED, SPATIAL_LAYERS
from media.rtp.packet import RtpPacket
from media.sessions.end_reason import EndReason
from media.tracks.frame_watch import NO_KEYFRAME_SECONDS
from media.tracks.temporal_layers import TemporalLayers
from shared.names import RoomName, SessionId, WorkerId
from tests.support.layered import layers
from tests.support.published import sound, video
from tests.support.room_source import RoomSource

# Dependency descriptors of keyframes, with one template of each spatial layer.
ONE_SIZE, TWO_SIZES = "80000180e0e0", "80000180e0ba"


def room_of(*published: PublishedTrack, source: RoomSource | None = None) -> Room:
    made = source or RoomSource()
    return new_room(RoomName("demo"), published, lambda _: made, 0.0, PublisherStats(), identity="ann")


def receive(room: Room, octets: int, packets: int = 1) -> None:
    room.feed.rx_bytes += octets
    room.feed.rx_packets += packets


# --- what it measures


def test_the_bit_rate_is_that_of_the_last_second() -> None:
    room = room_of(video("VP8"), sound())
    receive(room, 99_999)
    room.tick(10.0)
    assert room.status().bitrate == 0  # nobody knows since when that came
    receive(room, 125_000)
    room.tick(10.0 + MEASURE_SECONDS - 0.1)
    assert room.status().bitrate == 0
    room.tick(10.0 + MEASURE_SECONDS)
    assert room.status().bitrate == 1_000_000
    receive(room, 125_000)
    room.tick(13.0)
    assert room.status().bitrate == 500_000


@pytest.mark.parametrize("published", [[sound()], [video()], [sound(), video()], [*layers(2), sound()]])
def test_each_form_of_a_track_has_a_place_of_its_own_behind_the_tracks(
    published: list[PublishedTrack],
) -> None:
    feed = room_of(*published).feed
    made = [each for each in (feed.thinning, feed.redundant) if each is not None]
    assert [form.number for each in made for form in each.forms] == [*range(len(published), len(feed.sent))]
    bases = [number for number, each in enumerate(published) if each.kind == "video"][-1:]
    bases += [number for number, each in enumerate(published) if each.kind == "audio"]
    assert [each.base for each in made] == bases


def test_the_worst_loss_of_its_tracks_is_shown() -> None:
    room = room_of(video("VP8"), sound())
    assert room.status().loss == 0.0
    for track, loss in zip(room.tracks, (0.01, 0.123456), strict=True):
        track.source.stats = SimpleNamespace(loss=loss)  # type: ignore[assignment]
    assert room.status().loss == 0.1235


def test_its_delay_is_told_when_it_differs_by_more_than_a_little() -> None:
    room = room_of(video("VP8"))
    assert room.status().delay == 0.0  # nobody knows it
    told = []
    for delay in (0.05, 0.055, 0.062, 0.0, None):
        room.publisher.delay = delay
        told.append(room.status().delay)
    assert told == [0.05, 0.05, 0.062, 0.001, 0.0]


def test_a_copy_says_nothing_that_its_origin_says() -> None:
    """Media and publishers would count twice in the cluster's sums."""
    for source, own in ((RoomSource(), True), (RoomSource("w2"), False)):
        room = room_of(video("VP8"), source=source)
        receive(room, 1_000, 3)
        status = room.status()
        assert (status.has_publisher, status.rx_bytes, status.rx_packets) == (
            (True, 1_000, 3) if own else (False, 0, 0)
        )
        assert status.origin == ("" if own else "w2")
        room.viewers[SessionId("w1.v")] = SimpleNamespace(rendition=None, reason="")  # type: ignore[assignment]
        assert room.session_count == (2 if own else 1)
    room.source = None
    assert room.session_count == 1


def test_what_came_over_its_relay_does_not_count_for_the_publisher_of_a_copy() -> None:
    room = room_of(video("VP8"), source=RoomSource("w2"))
    receive(room, 1_000_000, 1_000)
    room.succeed([video("VP8")], lambda _: RoomSource())
    receive(room, 1_000, 3)
    assert (room.status().rx_bytes, room.status().rx_packets) == (1_000, 3)


def test_viewers_are_counted_by_what_they_get_and_why() -> None:
    room = room_of(video("VP8"), sound())
    for number, (rendition, reason) in enumerate(((0, "line"), (0, ""), (None, "line"))):
        viewer: Any = SimpleNamespace(rendition=rendition, reason=reason)
        room.viewers[SessionId(f"w1.{number}")] = viewer
    status = room.status()
    assert status.subscribers == 3
    assert status.viewers_by_reason == {"line": 2}
    assert [layer.viewers for layer in status.layers] == [2]


# --- its publisher


def test_the_state_of_its_publisher() -> None:
    source = RoomSource()
    room = room_of(sound(), source=source)
    assert room.publisher_state(1.0) is PublisherState.SENDING
    source.alive = False
    assert room.publisher_state(1.0) is PublisherState.SILENT
    source.origin = WorkerId("w2")
    assert room.publisher_state(1.0) is PublisherState.ELSEWHERE
    for source.may_feed in (True, False):
        assert room.may_feed is source.may_feed
    room.lose_source(1.0, None)
    assert room.publisher_state(1.0) is PublisherState.AWAY
    assert room.may_feed


def test_one_that_is_silent_is_shown_as_gone_with_the_next_tick() -> None:
    source = RoomSource()
    room = room_of(sound(), source=source)
    room.tick(1.0)
    assert room.has_publisher
    source.alive = False
    room.tick(1.2)
    assert not room.has_publisher
    room.succeed([sound()], lambda _: RoomSource())
    assert room.has_publisher


def test_it_waits_from_when_a_publisher_was_last_heard() -> None:
    """A session that ends late, or one that never connected, makes no room wait longer."""
    room = room_of(sound())
    assert not room.has_waited(10.0, 1e9)  # it has a source
    room.lose_source(100.0, SessionId("w1.a"))
    assert not room.has_waited(10.0, 109.9)
    assert room.has_waited(10.0, 110.0)
    room.succeed([sound()], lambda _: RoomSource())
    room.standbys.rank = 1
    room.lose_source(-math.inf, SessionId("w1.b"))
    assert (room.left_by, room.standbys.rank) == ("w1.b", 0)
    assert not room.has_waited(10.0, 109.9)
    assert room.has_waited(10.0, 110.0)
    standby: Any = SimpleNamespace(rank=2, session=RoomSource())
    room.standbys.add(standby)
    assert not room.has_waited(10.0, 110.0)
    standby.session.heard_at = 105.0
    assert room.leave(standby.session) is standby
    assert not room.has_waited(10.0, 114.9)
    assert room.has_waited(10.0, 115.0)


def test_whether_a_publisher_was_ever_heard() -> None:
    source = RoomSource()
    room = room_of(sound(), source=source)
    assert not room.was_heard
    source.heard_at = 5.0
    assert room.was_heard
    room.lose_source(5.0, None)
    assert room.was_heard
    never = room_of(sound())
    never.lose_source(-math.inf, None)
    assert not never.was_heard


def test_the_next_publishers_packets_are_found_by_its_own_payload_types_and_rtcp_goes_to_it() -> None:
    room, source = room_of(video("VP8"), sound()), RoomSource()
    room.succeed([video("VP8", payload_type=102), sound(payload_type=109)], lambda _: source)
    assert room.feed.by_payload_type == {102: 0, 109: 1}
    assert room.publisher._send == source.send_rtcp


def test_a_recording_begins_with_a_keyframe_of_the_best_layer_and_goes_on_by_ticks() -> None:
    asked: list[int] = []
    ticked: list[float] = []
    given: dict[str, Any] = {}
    recording = SimpleNamespace(tick=ticked.append)
    recorder: Any = SimpleNamespace(open=lambda *_, **more: given.update(more) or recording)
    room = room_of(*layers(3, codec="VP8"), sound())
    room.publisher.want_keyframe = lambda number, _: asked.append(number)  # type: ignore[method-assign]
    room.publisher.tick = ticked.append  # type: ignore[method-assign]
    room.begin_recording(recorder, (), None)
    assert [number for number in asked if room.tracks[number].kind == "video"] == [0]
    room.tick(1.0)
    assert ticked == [1.0, 1.0]
    given["want_keyframe"](2)
    assert asked[-1] == 2
    room.tracks[1].sent.starves = True
    assert [given["starves"](number) for number in range(4)] == [False, True, False, False]
    for holds in (True, False):
        given["warn"]("the disk is full", holds)
        assert list(room.warnings.texts) == ["the disk is full"] * holds


def test_its_end_ends_everything_once() -> None:
    source = RoomSource()
    room = room_of(sound(), source=source)
    ended: list[EndReason] = []
    room.viewers[SessionId("w1.v")] = SimpleNamespace(end=ended.append)  # type: ignore[assignment]
    recording = SimpleNamespace(close=lambda: ended.append(EndReason.DELETED))
    room.recording = recording  # type: ignore[assignment]
    room.end(EndReason.WORKER_STOPS)
    assert ended == [EndReason.DELETED, EndReason.WORKER_STOPS]
    assert source.ended == [EndReason.WORKER_STOPS]
    assert room.feed.publisher is None
    assert room.source is None


# --- what it warns of


def watched(room: Room, now: float, **watch: Any) -> None:
    """A picture comes at `now`, and its watch says this."""
    track = room.tracks[0]
    track.source.heard_at = now
    lacks = watch.pop("lacks", False)
    track.source.watch = SimpleNamespace(  # type: ignore[assignment]
        reorders=watch.pop("reorders", False), lacks_keyframe=lambda *_: lacks, saw=lambda *_: None
    )
    requests = SimpleNamespace(in_vain=lambda _: watch.pop("in_vain", False), due=lambda _: False)
    track.sent.requests = requests  # type: ignore[assignment]


@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_pictures_in_another_order_are_warned_of_while_they_come(codec: str) -> None:
    room = room_of(video(codec))
    watched(room, 10.0, reorders=True)
    room.tick(10.0)
    assert list(room.warnings.texts) == [REORDERED[codec]]
    watched(room, 20.0, reorders=True)
    room.tick(20.0 + NO_MEDIA_SECONDS - 0.1)
    assert list(room.warnings.texts) == [REORDERED[codec]]
    room.tick(21.0 + NO_MEDIA_SECONDS)
    assert not list(room.warnings.texts)


@pytest.mark.parametrize(
    ("lacks", "in_vain", "warned"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_a_keyframe_that_does_not_come_is_warned_of_if_it_was_asked_for(
    lacks: bool, in_vain: bool, warned: bool
) -> None:
    """Without a request, browsers send none for minutes, and nobody needs one."""
    room = room_of(video("VP8"))
    watched(room, 10.0, lacks=lacks, in_vain=in_vain)
    room.tick(10.0)
    assert (NO_KEYFRAME in room.warnings.texts) is warned
    assert f"{NO_KEYFRAME_SECONDS:.0f} s" in NO_KEYFRAME


def test_keyframes_without_parameter_sets_are_warned_of_while_they_come() -> None:
    room = room_of(video("H264"))
    for bare, warned in ((1, False), (2, True), (3, True)):
        watched(room, 10.0 + bare)
        room.tracks[0].sent.bare_keyframes = bare
        room.tick(10.0 + bare)
        assert (NO_PARAMETER_SETS in room.warnings.texts) is warned


@pytest.mark.parametrize(
    ("codec", "descriptor", "warned"),
    [("AV1", TWO_SIZES, True), ("AV1", ONE_SIZE, False), ("VP9", TWO_SIZES, False)],
)
def test_spatial_layers_of_av1_are_warned_of(codec: str, descriptor: str, warned: bool) -> None:
    """Those of VP9 are told by its payload, too."""
    room = room_of(video(codec))
    watched(room, 10.0)
    layers = room.tracks[0].sent.temporal = TemporalLayers(codec, 5)
    layers.learn(RtpPacket(False, False, 96, 1, 2, 3, ((5, bytes.fromhex(descriptor)),), b""))
    room.tick(10.0)
    assert (SPATIAL_LAYERS in room.warnings.texts) is warned


def test_warnings_are_about_the_present_publisher() -> None:
    room = room_of(video("H264"))
    watched(room, 10.0, reorders=True)
    room.tick(10.0)
    room.succeed([video("H264")], lambda _: RoomSource())
    assert not list(room.warnings.texts)
