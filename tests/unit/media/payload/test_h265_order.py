"""The order of showing, as x265 wrote it: against the times that it gave its pictures."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload.h265 import H265Depacketizer, has_reordered_frames
from media.payload.h265_order import (
    PictureOrder,
    PictureParameters,
    SequenceParameters,
    picture_parameters,
    sequence_parameters,
)
from media.payload.picture import DepacketizeError
from tests.support.rtp_source import encode_video
from tests.unit.media.payload.shown import assert_as_written, orders, units_of


def stream(parameters: str, seconds: float = 3.0, **how: Any) -> list[Any]:
    options = {"preset": "ultrafast", "x265-params": f"log-level=none:{parameters}"}
    return encode_video("H265", seconds, **how, **options)


@pytest.mark.parametrize(
    ("parameters", "reordered"),
    [
        ("bframes=3:b-adapt=0:keyint=30", 2),
        ("bframes=3:b-adapt=0:b-pyramid=0:keyint=30", 1),
        ("bframes=3:b-adapt=0:keyint=30:open-gop=0", 2),
        ("bframes=2:b-adapt=0:keyint=300:slices=2:temporal-layers=1", 2),
    ],
)
def test_real_streams_tell_their_order_and_its_depth(parameters: str, reordered: int) -> None:
    packets = stream(parameters)
    found = orders(H265Depacketizer(), packets)
    assert {order.reordered for order in found if order} == {reordered}
    assert any(map(has_reordered_frames, units_of(packets[0])))
    assert_as_written(found, packets)


def test_long_sequences_wrap_their_counter() -> None:
    packets = stream(
        "bframes=2:b-adapt=0:keyint=1000:no-scenecut=1", 20.0, keyframe_every=60.0, size=(64, 64)
    )
    found = orders(H265Depacketizer(), packets)
    assert max(order.place[1] for order in found if order) > 256
    assert_as_written(found, packets)


def test_streams_without_b_frames_have_no_order() -> None:
    packets = stream("bframes=0", 1.0)
    assert set(orders(H265Depacketizer(), packets)) == {None}
    assert not any(has_reordered_frames(unit) for packet in packets for unit in units_of(packet))


sequences = st.builds(
    SequenceParameters,
    width=st.just(64),
    height=st.just(64),
    order_bits=st.integers(4, 16),
    separate_planes=st.booleans(),
    reordered=st.integers(0, 16),
)
pictures = st.builds(PictureParameters, has_output_flag=st.booleans(), extra_bits=st.integers(0, 7))


@given(st.lists(st.binary(min_size=3, max_size=40), max_size=10), sequences, pictures)
def test_any_slices_are_taken(
    slices: list[bytes], sequence: SequenceParameters, picture: PictureParameters
) -> None:
    order = PictureOrder()
    for unit in slices:
        try:
            found = order.order(unit, sequence, picture)
        except DepacketizeError:
            continue
        assert found is None or found.reordered == sequence.reordered


@given(st.binary(max_size=200))
def test_any_parameters_are_taken(data: bytes) -> None:
    for read in (sequence_parameters, picture_parameters):
        try:
            read(b"\x42\x01" + data)
        except DepacketizeError:
            continue
