"""The order of showing, as x264 wrote it: against the times that it gave its pictures."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload.h264 import H264Depacketizer
from media.payload.h264_order import PictureOrder, SequenceParameters, sequence_parameters
from media.payload.picture import DepacketizeError, Order
from tests.support.rtp_source import encode_video

PYRAMID = {"preset": "veryfast", "bf": "3", "b_strategy": "0"}


def orders(packets: list[Any]) -> list[Order | None]:
    reader = H264Depacketizer()
    found = []
    for packet in packets:
        units = [unit for unit in bytes(packet).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
        picture = reader.picture(units)
        assert picture is not None
        found.append(picture.order)
    return found


@pytest.mark.parametrize(
    ("how", "reordered"),
    [
        (PYRAMID, 2),
        (PYRAMID | {"x264-params": "b-pyramid=none"}, 1),
        (PYRAMID | {"x264-params": "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:colorprim=bt709"}, 2),
        (PYRAMID | {"x264-params": "interlaced=1"}, 2),
    ],
)
def test_real_streams_tell_their_order_and_its_depth(how: dict[str, str], reordered: int) -> None:
    packets = encode_video("H264", 3.0, b_frames=3, **how)  # type: ignore[arg-type]
    assert [packet.pts for packet in packets] != sorted(packet.pts for packet in packets)
    found = orders(packets)
    assert {order.reordered for order in found if order} == {reordered}
    by_place = sorted(range(len(packets)), key=lambda n: found[n].place)  # type: ignore[union-attr]
    assert by_place == sorted(range(len(packets)), key=lambda n: packets[n].pts)


def test_long_sequences_wrap_their_counter() -> None:
    packets = encode_video("H264", 20.0, b_frames=2, keyframe_every=60.0, size=(64, 64), **PYRAMID)  # type: ignore[arg-type]
    places = [order.place for order in orders(packets) if order]
    assert len(places) == len(packets)
    assert max(high for _, high in places) > 1_000
    assert sorted(range(len(packets)), key=lambda n: places[n]) == sorted(
        range(len(packets)), key=lambda n: packets[n].pts
    )


def test_streams_without_b_frames_have_no_order() -> None:
    assert set(orders(encode_video("H264", 1.0))) == {None}


parameters = st.builds(
    SequenceParameters,
    width=st.just(64),
    height=st.just(64),
    frame_number_bits=st.integers(4, 1 << 33),
    order_bits=st.integers(0, 1 << 33),
    separate_planes=st.booleans(),
    frames_only=st.booleans(),
    reordered=st.none() | st.integers(0, 16),
)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=10), parameters)
def test_any_slices_are_taken(slices: list[bytes], parameters: SequenceParameters) -> None:
    order = PictureOrder()
    for unit in slices:
        try:
            found = order.order(unit, parameters)
        except DepacketizeError:
            continue
        assert found is None or found.reordered == parameters.reordered


@given(st.binary(max_size=200))
def test_any_parameters_are_taken(data: bytes) -> None:
    try:
        found = sequence_parameters(b"\x67" + data)
    except DepacketizeError:
        return
    assert found.reordered is None or 0 <= found.reordered <= 16
