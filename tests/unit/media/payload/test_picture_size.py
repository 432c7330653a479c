"""The size of a picture is read where its keyframe starts, in real streams of every codec."""

import pytest

from media.payload.keyframes import starts_keyframe
from media.payload.picture_size import picture_size
from tests.support.encoded import ENCODERS, HEIGHT, WIDTH, encode

CODECS = sorted(ENCODERS)


@pytest.mark.parametrize("codec", CODECS)
def test_each_keyframe_of_a_real_stream_tells_its_size(codec: str) -> None:
    for frame in encode(codec, frames=9, gop=4):
        told = {
            picture_size(codec, payload) for payload in frame.payloads if starts_keyframe(codec, payload)
        } - {None}
        assert told == ({(WIDTH, HEIGHT)} if frame.is_keyframe else set())


@pytest.mark.parametrize("codec", CODECS)
def test_a_payload_that_is_cut_tells_the_size_or_nothing(codec: str) -> None:
    for payload in encode(codec, frames=1)[0].payloads:
        whole = picture_size(codec, payload) if starts_keyframe(codec, payload) else None
        for length in range(min(len(payload), 64)):
            assert whole is None or picture_size(codec, payload[:length]) in (None, whole)


def test_of_spatial_layers_the_largest_counts() -> None:
    # RFC 9628 4.2: I, B and V; picture ID; two layers with sizes
    structure = b"\x30" + b"\x01\x40\x00\xb4" + b"\x02\x80\x01\x68"
    assert picture_size("VP9", b"\x8a\x05" + structure + b"\x82\x49\x83\x42") == (640, 360)
