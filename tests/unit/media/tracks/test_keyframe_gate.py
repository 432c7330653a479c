"""The gate before a new encoder's video: shut until its keyframe, and never for good."""

import pytest

from media.tracks.keyframe_gate import MAX_HOLD_SECONDS, KeyframeGate

KEYFRAME, DELTA = b"\x10\x00", b"\x10\x01"  # RFC 7741: first packets of VP8 frames


def closed(codec: str = "VP8") -> KeyframeGate:
    gate = KeyframeGate(codec)
    gate.close()
    return gate


def test_a_gate_is_open_at_first() -> None:
    assert not KeyframeGate("VP8").closed


def test_a_closed_gate_opens_with_a_keyframe() -> None:
    gate = closed()
    assert not gate.lets_pass(DELTA, 1.0)
    assert gate.closed
    assert gate.lets_pass(KEYFRAME, 1.1)
    assert not gate.closed


def test_an_encoder_that_sends_no_keyframe_is_not_held_for_good() -> None:
    gate = closed()
    for second in range(int(MAX_HOLD_SECONDS)):
        assert not gate.lets_pass(DELTA, 50.0 + second)
    assert gate.lets_pass(DELTA, 50.0 + MAX_HOLD_SECONDS)


def test_each_hold_has_its_own_time_limit() -> None:
    gate = closed()
    gate.lets_pass(DELTA, 1.0)
    gate.close()
    assert not gate.lets_pass(DELTA, 1.0 + MAX_HOLD_SECONDS)


@pytest.mark.parametrize("codec", ["opus", "PCMU", ""])
def test_a_codec_without_keyframes_is_never_held_back(codec: str) -> None:
    assert not closed(codec).closed
