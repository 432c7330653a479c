"""B-frames and missing keyframes are told, once, and taken back when they are over."""

import math
from types import SimpleNamespace
from typing import Any

from structlog.testing import capture_logs

from media.counts import PublisherStats
from media.negotiation.agreed_tracks import PublishedTrack
from media.rooms.opening import new_room
from media.rooms.warnings import MAX_WARNINGS, NO_KEYFRAME, RoomWarnings
from media.tracks.stream_watch import NO_KEYFRAME_SECONDS, StreamWatch
from shared.names import RoomName
from shared.sdp.codec import Codec
from shared.sdp.sources import Sources

SPS, IDR, P_SLICE, B_SLICE = b"\x67\x42", b"\x65\x88", b"\x41\x9a\x00", b"\x41\xa8\x00"


def test_a_stream_without_keyframes_is_told_until_one_comes() -> None:
    watch = StreamWatch("H264")
    assert not watch.lacks_keyframe(-math.inf, 100.0)
    for n in range(12):
        watch.saw(P_SLICE, 1.0 + n)
    assert not watch.lacks_keyframe(-math.inf, 1.0 + NO_KEYFRAME_SECONDS - 0.1)
    assert watch.lacks_keyframe(-math.inf, 1.0 + NO_KEYFRAME_SECONDS)
    assert not watch.lacks_keyframe(13.0, 13.0 + NO_KEYFRAME_SECONDS - 0.1)
    assert watch.lacks_keyframe(13.0, 13.0 + NO_KEYFRAME_SECONDS)


def test_a_keyframe_of_the_publisher_before_does_not_count() -> None:
    watch = StreamWatch("VP8")
    watch.saw(b"", 5.0)
    assert not watch.lacks_keyframe(-20.0, 5.0 + NO_KEYFRAME_SECONDS - 0.1)


def test_b_frames_are_seen_and_ordinary_ones_are_not_taken_for_them() -> None:
    watch = StreamWatch("H264")
    for payload in (SPS, IDR, P_SLICE, P_SLICE):
        watch.saw(payload, 1.0)
    assert not watch.b_frames
    watch.saw(B_SLICE, 1.0)
    assert watch.b_frames
    other = StreamWatch("VP8")
    other.saw(B_SLICE, 1.0)
    assert not other.b_frames


def test_the_room_tells_of_a_publisher_that_sends_no_keyframe_and_cannot_be_asked_for_one() -> None:
    codec = Codec(payload_type=96, name="VP8", clock_rate=90_000)
    published = PublishedTrack(kind="video", mid="0", codec=codec, extensions={}, sources=Sources())
    source: Any = SimpleNamespace(
        origin=None, is_alive=lambda _: True, send_rtcp=lambda _: None, heard_at=0.0
    )
    room = new_room(RoomName("demo"), [published], lambda _: source, 0.0, PublisherStats())
    (track,), (sent,) = room.feed.sources, room.feed.sent
    assert track.watch is not None

    def warnings_at(now: float) -> list[str]:
        assert track.watch is not None
        track.heard_at = now
        track.watch.saw(b"", now)
        room.tick(now)
        return list(room.warnings)

    assert warnings_at(1.0) == warnings_at(1.0 + NO_KEYFRAME_SECONDS - 0.1) == []
    assert warnings_at(2.0 + NO_KEYFRAME_SECONDS) == [NO_KEYFRAME]  # a second later: it looks once a second
    sent.keyframe_at = 12.5
    assert warnings_at(13.5) == []


def test_a_warning_is_told_and_logged_once_and_taken_back() -> None:
    warnings = RoomWarnings(RoomName("demo"))
    with capture_logs() as logs:
        for _ in range(3):
            warnings.set("x", holds=True)
    assert list(warnings) == ["x"]
    assert [(entry["room"], entry["warning"]) for entry in logs] == [("demo", "x")]
    warnings.set("x", holds=False)
    warnings.set("x", holds=False)
    assert not list(warnings)


def test_there_are_never_more_than_so_many() -> None:
    warnings = RoomWarnings(RoomName("demo"))
    for n in range(3 * MAX_WARNINGS):
        warnings.append(str(n % (2 * MAX_WARNINGS)))
    assert len(list(warnings)) == MAX_WARNINGS
