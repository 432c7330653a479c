"""From the packets of a keyframe to small JPEG pictures."""

import io
import random

import av
import pytest

from media.stills.job import Keyframe
from media.stills.picture import StillError, still_pictures
from shared.messages.stills import WIDTHS
from tests.support.encoded import HEIGHT, WIDTH, encode, picture
from tests.support.rtp_source import ENCODERS, encode_video
from tests.support.still_room import keyframe_payloads


def shown(jpeg: bytes) -> av.VideoFrame:
    with av.open(io.BytesIO(jpeg), format="jpeg_pipe") as container:
        return next(container.decode(video=0))


@pytest.mark.parametrize("codec", ENCODERS)
def test_each_codec_gives_the_picture_that_was_sent(codec: str) -> None:
    pictures = still_pictures(Keyframe(codec, list(keyframe_payloads(codec))))
    assert pictures.keys() == set(WIDTHS)
    frame = shown(pictures[320])
    assert (frame.width, frame.height) == (WIDTH, HEIGHT)
    sent = picture(0).to_ndarray(format="gray").astype(int)
    assert abs(frame.to_ndarray(format="gray").astype(int) - sent).mean() < 12


def test_a_picture_is_never_made_larger() -> None:
    frame = shown(still_pictures(Keyframe("VP8", list(keyframe_payloads("VP8"))))[640])
    assert (frame.width, frame.height) == (WIDTH, HEIGHT)


def test_of_vp9s_spatial_layers_the_largest_is_shown() -> None:
    small, large = (bytes(encode_video("VP9", 1 / 30, size=size)[0]) for size in ((160, 90), (320, 180)))
    payloads = [b"\x2c\x00\x00" + small, b"\x2c\x02\x00" + large]  # L, B, E; layers 0 and 1
    frame = shown(still_pictures(Keyframe("VP9", payloads))[320])
    assert (frame.width, frame.height) == (320, 180)


@pytest.mark.parametrize("codec", ENCODERS)
def test_what_is_no_keyframe_gives_no_picture(codec: str) -> None:
    delta = next(frame for frame in encode(codec, frames=3, gop=3) if not frame.is_keyframe)
    with pytest.raises(StillError):
        still_pictures(Keyframe(codec, delta.payloads))


@pytest.mark.parametrize("codec", ENCODERS)
def test_damaged_keyframes_give_a_picture_or_the_named_error(codec: str) -> None:
    chance = random.Random(1)
    for _ in range(40):
        payloads = [bytearray(payload) for payload in keyframe_payloads(codec)]
        for _ in range(chance.randrange(1, 6)):
            payload = chance.choice(payloads)
            payload[chance.randrange(len(payload))] = chance.randrange(256)
        try:
            still_pictures(Keyframe(codec, [bytes(payload) for payload in payloads]))
        except StillError:
            continue


@pytest.mark.parametrize("size", [(16383, 16383), (16383, 4096)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_takes_memory(size: tuple[int, int]) -> None:
    [first, *rest] = keyframe_payloads("VP8")
    at = first.index(b"\x9d\x01\x2a") + 3
    width, height = (edge.to_bytes(2, "little") for edge in size)
    with pytest.raises(StillError):
        still_pictures(Keyframe("VP8", [first[:at] + width + height + first[at + 4 :], *rest]))


def test_a_codec_without_pictures_is_refused() -> None:
    with pytest.raises(StillError):
        still_pictures(Keyframe("opus", [b"sound"]))
