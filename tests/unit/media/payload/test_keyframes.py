"""Keyframes are found where they start, in real streams of every codec, and hostile bytes do no harm."""

from fractions import Fraction

import av
import pytest
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder

from media.payload.keyframes import picture_size, starts_keyframe
from tests.support.encoded import HEIGHT, RATE, WIDTH, encode
from tests.support.rtp_source import ENCODERS

CODECS = sorted(ENCODERS)


@pytest.mark.parametrize("codec", CODECS)
def test_every_keyframe_of_a_real_stream_is_found_and_nothing_else(codec: str) -> None:
    frames = encode(codec)
    assert sum(frame.is_keyframe for frame in frames) >= 2
    assert max(len(frame.payloads) for frame in frames) > 2
    for frame in frames:
        found = [starts_keyframe(codec, payload) for payload in frame.payloads]
        assert any(found) == frame.is_keyframe
        assert found[0] == frame.is_keyframe


@pytest.mark.parametrize("codec", CODECS)
def test_cut_payloads_of_a_real_stream_do_no_harm(codec: str) -> None:
    for frame in encode(codec, frames=4, gop=2):
        for payload in frame.payloads:
            whole = starts_keyframe(codec, payload)
            for length in range(min(len(payload), 64)):
                assert starts_keyframe(codec, payload[:length]) in (False, whole)


def test_keyframes_that_aiortc_packetized_are_found() -> None:
    encoders = {"VP8": Vp8Encoder(), "H264": H264Encoder()}
    for codec, encoder in encoders.items():
        for frame in encode(codec):
            packet = av.Packet(frame.data)
            packet.pts, packet.time_base = 0, Fraction(1, RATE)
            payloads, _ = encoder.pack(packet)
            found = [starts_keyframe(codec, payload) for payload in payloads]
            assert any(found) == frame.is_keyframe
            assert not any(found[1:]) or codec == "H264"  # parameter sets go before the picture


@pytest.mark.parametrize(
    ("codec", "payload", "starts"),
    [
        # RFC 7741 4.2: X R N S R PID; X: I L T K; picture ID; TL0PICIDX; TID Y KEYIDX. Then P, lowest
        ("VP8", "1000", True),
        ("VP8", "1001", False),
        ("VP8", "0000", False),  # not the start of a partition
        ("VP8", "1100", False),  # of the second partition
        ("VP8", "1700", False),
        ("VP8", "90807f00", True),
        ("VP8", "90807f01", False),
        ("VP8", "9080ffff00", True),
        ("VP8", "90f0ffff010100", True),
        ("VP8", "90f0ffff000001", False),
        ("VP8", "90400100", True),
        ("VP8", "90100100", True),
        ("VP8", "b00000", True),  # a frame that no other needs
        ("VP8", "10", False),
        ("VP8", "90f0ffff01", False),
        # RFC 9628 4.2: I P L F B E V Z; picture ID; TID U SID D; TL0PICIDX. Then the frame
        ("VP9", "0a", True),
        ("VP9", "4a", False),
        ("VP9", "06", False),
        ("VP9", "8a01", True),
        ("VP9", "aa0100", True),
        ("VP9", "aa800100", True),
        ("VP9", "aa800102", False),  # the second spatial layer
        ("VP9", "aa8001f1", True),  # SID 0, the bits around it set
        ("VP9", "aa80", False),
        ("VP9", "0882", True),
        ("VP9", "0886", False),
        ("VP9", "088a", False),  # shows an existing frame
        ("VP9", "08b1", True),  # profile 3
        ("VP9", "08b2", False),
        ("VP9", "0802", False),  # no VP9
        ("VP9", "88800182", True),
        ("VP9", "a80100ff82", True),
        ("VP9", "b8010082", True),
        ("VP9", "b80100", False),
        # RFC 6184
        ("H264", "6588", True),
        ("H264", "6742", True),
        ("H264", "68ce", False),
        ("H264", "419a", False),
        ("H264", "09f0", False),
        ("H264", "7c8588", True),
        ("H264", "7c0588", False),
        ("H264", "7c4588", False),
        ("H264", "7c819a", False),
        ("H264", "78000209f0000267ff", True),
        ("H264", "78000209f0000241ff", False),
        ("H264", "780000000267ff", False),  # an empty unit
        ("H264", "78000967ff", False),
        ("H264", "7c", False),
        # RFC 7798: F Type LayerId TID
        ("H265", "2601af", True),  # IDR_W_RADL
        ("H265", "2a01af", True),  # CRA
        ("H265", "40010c", True),  # VPS
        ("H265", "420101", True),  # SPS
        ("H265", "4401c1", False),  # PPS
        ("H265", "0201d0", False),
        ("H265", "620193", True),
        ("H265", "620113", False),
        ("H265", "620181", False),
        ("H265", "600100034001ff00034401ff", True),
        ("H265", "600100030201ff00034401ff", False),
        ("H265", "6201", False),
        # AV1 RTP 4.4: Z Y W W N; then OBUs, of types 1 (sequence header), 2 (delimiter), 6 (frame)
        ("AV1", "180a0b", True),
        ("AV1", "100a0b", True),  # N forgotten
        ("AV1", "900a0b", False),  # the rest of another OBU
        ("AV1", "103200", False),
        ("AV1", "00020a0b023200", True),
        ("AV1", "000112020a0b", True),
        ("AV1", "2001120a0b", True),
        ("AV1", "2001123200", False),
        ("AV1", "10120a0b", False),  # a delimiter that takes the rest
        ("AV1", "0080808080808080808001", False),
        ("AV1", "00", False),
        ("opus", "fcff", False),
        ("no such codec", "65", False),
    ],
)
def test_first_bytes_by_the_book(codec: str, payload: str, starts: bool) -> None:
    assert starts_keyframe(codec, bytes.fromhex(payload)) is starts


@pytest.mark.parametrize("codec", CODECS)
def test_bare_padding_is_no_keyframe(codec: str) -> None:
    for padding in range(2, 256):
        assert not starts_keyframe(codec, bytes(padding - 1) + bytes((padding,)))


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
