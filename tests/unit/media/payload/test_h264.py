"""B-frames are seen in real H.264 streams that have them, and only there; ids of parameter sets may rise."""

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload.h264 import H264Depacketizer, has_b_frames
from tests.support.encoded import encode


def exp_golomb(*values: int) -> bytes:
    """The codes of `values` (H.264 9.1), then a stop bit."""
    bits = "".join(f"{value + 1:b}".zfill(2 * (value + 1).bit_length() - 1) for value in values) + "1"
    return int(bits.ljust((len(bits) + 7) // 8 * 8, "0"), 2).to_bytes((len(bits) + 7) // 8)


@pytest.mark.parametrize("slices", ["1", "4"])
def test_a_real_stream_with_b_frames_is_told_from_one_without(slices: str) -> None:
    without = encode("H264", slices=slices)
    assert not any(has_b_frames(payload) for frame in without for payload in frame.payloads)
    with_some = encode("H264", slices=slices, tune="film", bf="2", b_strategy="0", preset="fast")
    found = [any(map(has_b_frames, frame.payloads)) for frame in with_some]
    assert len(found) / 3 < sum(found) < len(found)
    assert not any(b for b, frame in zip(found, with_some, strict=True) if frame.is_keyframe)


@given(first=st.integers(0, 139_263), kind=st.integers(0, 9), follows=st.binary(max_size=20))
def test_slice_types_by_the_book(first: int, kind: int, follows: bytes) -> None:
    header = exp_golomb(first, kind)
    for n in range(4):  # as an encoder escapes it
        header = header.replace(bytes((0, 0, n)), bytes((0, 0, 3, n)))
    expected = kind in (1, 6)
    unit = b"\x41" + header + follows
    assert has_b_frames(unit) is expected
    assert has_b_frames(b"\x7c\x81" + unit[1:]) is expected
    assert not has_b_frames(b"\x7c\x01" + unit[1:])
    assert not has_b_frames(b"\x65" + unit[1:])
    stap = b"\x78" + len(unit).to_bytes(2) + unit
    assert has_b_frames(stap) is expected
    assert has_b_frames(b"\x78\x00\x02\x09\xf0" + stap[1:]) is expected


@pytest.mark.parametrize("payload", ["", "41", "7c", "7c81", "78", "780001", "78000141", "41000000"])
def test_cut_payloads_say_no(payload: str) -> None:
    assert not has_b_frames(bytes.fromhex(payload))


def test_an_encoder_may_count_the_ids_of_its_parameter_sets_up() -> None:
    """As OpenH264 does by itself, up to 31, and so Firefox."""
    depacketizer, setups = H264Depacketizer(), set()
    decoder = av.CodecContext.create("h264", "r")
    for number in [*range(32), *range(4)]:
        parameters = {"x264-params": f"sps-id={number}:keyint=4:scenecut=0"}
        for frame in encode("H264", frames=4, **parameters):
            picture = depacketizer.picture(frame.payloads)
            assert picture is not None
            assert len(decoder.decode(av.Packet(picture.data))) == 1
            setups |= {picture.setup} - {None}
    assert len(setups) == 1
    other = depacketizer.picture(encode("H264", frames=1, preset="medium")[0].payloads)
    assert other is not None
    assert other.setup not in setups
