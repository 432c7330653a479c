"""The gate before a new encoder's video: shut until its keyframe, and never for good."""

import pytest

from media.tracks.keyframe_gate import MAX_HOLD_SECONDS, KeyframeGate

KEYFRAME, DELTA = b"\x10\x00", b"\x10\x01"  # RFC 7741: first packets of VP8 frames


def test_a_gate_is_open_at_first_and_once_closed_opens_with_a_keyframe() -> None:
    gate = KeyframeGate("VP8")
    assert not gate.closed
    gate.close()
    assert not gate.lets_pass(DELTA, 1.0)
    assert gate.closed
    assert gate.lets_pass(KEYFRAME, 1.1)
    assert not gate.closed


def test_an_encoder_that_sends_no_keyframe_is_held_for_as_long_each_time() -> None:
    gate = KeyframeGate("VP8")
    for began in (50.0, 51.0):
        gate.close()
        assert not gate.lets_pass(DELTA, began)
    assert not gate.lets_pass(DELTA, 51.0 + MAX_HOLD_SECONDS - 0.1)
    assert gate.lets_pass(DELTA, 51.0 + MAX_HOLD_SECONDS)


@pytest.mark.parametrize("codec", ["opus", "PCMU", ""])
def test_a_codec_without_keyframes_is_never_held_back(codec: str) -> None:
    gate = KeyframeGate(codec)
    gate.close()
    assert not gate.closed
