"""The order of showing, as x264 wrote it: against the times that it gave its pictures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload.h264 import H264Depacketizer
from media.payload.h264_order import PictureOrder, SequenceParameters, sequence_parameters
from media.payload.picture import DepacketizeError
from tests.support.rtp_source import encode_video
from tests.unit.media.payload.shown import assert_as_written, orders

PYRAMID = {"preset": "veryfast", "bf": "3", "b_strategy": "0"}


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
    found = orders(H264Depacketizer(), packets)
    assert {order.reordered for order in found if order} == {reordered}
    assert_as_written(found, packets)


def test_long_sequences_wrap_their_counter() -> None:
    packets = encode_video("H264", 20.0, b_frames=2, keyframe_every=60.0, size=(64, 64), **PYRAMID)  # type: ignore[arg-type]
    found = orders(H264Depacketizer(), packets)
    assert max(order.place[1] for order in found if order) > 1_000
    assert_as_written(found, packets)


def test_streams_without_b_frames_have_no_order() -> None:
    assert set(orders(H264Depacketizer(), encode_video("H264", 1.0))) == {None}


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
