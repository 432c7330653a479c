"""B-frames and missing keyframes are told, once, and taken back when they are over."""

from structlog.testing import capture_logs

from media.room_warnings import MAX_WARNINGS, RoomWarnings
from media.rtp import RtpPacket
from media.stream_watch import NO_KEYFRAME_SECONDS, StreamWatch
from shared.names import RoomName

SPS, IDR, P_SLICE, B_SLICE, DELIMITER = (
    b"\x67\x42",
    b"\x65\x88",
    b"\x41\x9a\x00",
    b"\x41\xa8\x00",
    b"\x09\x10",
)


def packet(payload: bytes, timestamp: int) -> RtpPacket:
    return RtpPacket(False, False, 96, 0, timestamp, 1, (), payload)


def test_a_stream_without_keyframes_is_told_until_one_comes() -> None:
    watch = StreamWatch("H264")
    assert not watch.lacks_keyframe(100.0)
    for n in range(12):
        watch.saw(packet(P_SLICE, n), 1.0 + n)
    assert not watch.lacks_keyframe(1.0 + NO_KEYFRAME_SECONDS - 0.1)
    assert watch.lacks_keyframe(1.0 + NO_KEYFRAME_SECONDS)
    watch.saw(packet(DELIMITER, 99), 13.0)
    watch.saw(packet(SPS, 99), 13.0)
    assert not watch.lacks_keyframe(13.0 + NO_KEYFRAME_SECONDS - 0.1)


def test_b_frames_are_seen_and_ordinary_ones_are_not_taken_for_them() -> None:
    watch = StreamWatch("H264")
    for n, payload in enumerate((SPS, IDR, P_SLICE, P_SLICE)):
        watch.saw(packet(payload, n), 1.0)
    assert not watch.b_frames
    watch.saw(packet(B_SLICE, 9), 1.0)
    assert watch.b_frames
    other = StreamWatch("VP8")
    other.saw(packet(B_SLICE, 9), 1.0)
    assert not other.b_frames


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
