"""Hidden frames are seen in real AV1 streams that have them, and only there."""

import pytest

from media.payload.av1 import has_hidden_frames
from tests.support.encoded import encode

SHOWN, EXISTING, HIDDEN = 0x10, 0x80, 0x20  # the first byte of a frame header (AV1 5.9.2)


def test_a_real_stream_with_hidden_frames_is_told_from_one_without() -> None:
    low_delay = encode("AV1")
    assert not any(has_hidden_frames(payload) for frame in low_delay for payload in frame.payloads)
    by_default = encode("AV1", frames=40, gop=32, **{"svtav1-params": "pred-struct=2"})
    found = [any(map(has_hidden_frames, frame.payloads)) for frame in by_default]
    assert not found[0]
    assert found[1]  # the first that follow the keyframe


def obu(kind: int, body: bytes, *, size: bool = False, extension: bool = False) -> bytes:
    head = bytes((kind << 3 | size << 1 | extension << 2,)) + b"\x20" * extension
    return head + (bytes((len(body),)) if size else b"") + body


@pytest.mark.parametrize("size", [False, True])
@pytest.mark.parametrize("extension", [False, True])
@pytest.mark.parametrize("kind", [3, 6])
@pytest.mark.parametrize(("head", "hidden"), [(SHOWN, False), (EXISTING, False), (HIDDEN, True), (0, True)])
def test_frame_headers_by_the_book(kind: int, head: int, hidden: bool, size: bool, extension: bool) -> None:
    unit = obu(kind, bytes((head, 1, 2, 3)), size=size, extension=extension)
    before = obu(5, b"metadata", size=size)
    assert has_hidden_frames(b"\x10" + unit) is hidden
    assert has_hidden_frames(b"\x00" + bytes((len(unit),)) + unit) is hidden
    assert has_hidden_frames(b"\x20" + bytes((len(before),)) + before + unit) is hidden
    assert has_hidden_frames(b"\xa0" + bytes((len(before),)) + before + unit) is hidden
    assert not has_hidden_frames(b"\x90" + unit)  # the rest of an OBU


@pytest.mark.parametrize(
    "payload", ["", "10", "1030", "1032", "1032ff", "0004", "00ffffffffffffffffff", "103200"]
)
def test_cut_payloads_say_no(payload: str) -> None:
    assert not has_hidden_frames(bytes.fromhex(payload))
