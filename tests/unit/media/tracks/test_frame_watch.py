"""Frames out of order and missing keyframes are found in what a publisher sends."""

import math

from media.tracks.frame_watch import NO_KEYFRAME_SECONDS, FrameWatch

SPS, IDR, P_SLICE, B_SLICE = b"\x67\x42", b"\x65\x88", b"\x41\x9a\x00", b"\x41\xa8\x00"


def test_a_stream_lacks_a_keyframe_until_one_comes() -> None:
    watch = FrameWatch("H264")
    assert not watch.lacks_keyframe(-math.inf, 100.0)
    for n in range(12):
        watch.saw([P_SLICE], 1.0 + n)
    assert not watch.lacks_keyframe(-math.inf, 1.0 + NO_KEYFRAME_SECONDS - 0.1)
    assert watch.lacks_keyframe(-math.inf, 1.0 + NO_KEYFRAME_SECONDS)
    assert not watch.lacks_keyframe(13.0, 13.0 + NO_KEYFRAME_SECONDS - 0.1)
    assert watch.lacks_keyframe(13.0, 13.0 + NO_KEYFRAME_SECONDS)


def test_a_keyframe_of_the_publisher_before_does_not_count() -> None:
    watch = FrameWatch("VP8")
    assert watch.packets_wanted == 1  # to know when it began
    watch.saw([b""], 5.0)
    assert watch.packets_wanted == 0
    assert not watch.lacks_keyframe(-20.0, 5.0 + NO_KEYFRAME_SECONDS - 0.1)


def test_b_frames_are_seen_and_ordinary_ones_are_not_taken_for_them() -> None:
    watch = FrameWatch("H264")
    for payload in (SPS, IDR, P_SLICE, P_SLICE):
        watch.saw([payload], 1.0)
    assert not watch.reorders
    watch.saw([B_SLICE], 1.0)
    assert watch.reorders
    other = FrameWatch("VP8")
    other.saw([B_SLICE], 1.0)
    assert not other.reorders


def test_hidden_frames_are_seen_in_av1() -> None:
    watch = FrameWatch("AV1")
    watch.saw([b"\x10\x30\x10" + bytes(20)], 1.0)  # show_frame
    watch.saw([b"\x90\x30\x00" + bytes(20)], 1.0)  # the rest of an OBU
    assert not watch.reorders
    watch.saw([b"\x10\x30\x00" + bytes(20)], 1.0)
    assert watch.reorders
    assert not watch.packets_wanted
