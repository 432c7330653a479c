"""A burst that is laid out natively: as in Python, and nothing that can be asked of it breaks it."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.rtp.packet import RtpPacket
from media.switch.laid_burst import BUFFER_BYTES, LaidBurst
from media.switch.packet_header import SentAt
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing
from tests.support.native_loop import NATIVE

many = settings(max_examples=int(os.environ.get("NATIVE_INPUTS", "100")), deadline=None)


def outgoing(index: int, payload: bytes = b"payload", track: int = 0, **fields: Any) -> Outgoing:
    packet = RtpPacket(
        fields.get("padding", False),
        fields.get("marker", False),
        96,
        0,
        0,
        7,
        fields.get("extensions", ()),
        payload,
    )
    return Outgoing(track, 0x5EED + track, index, fields.get("timestamp", 0), packet)


contents = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 1, 1, 1, 2, -1]),  # steps of the index
        st.sampled_from([0, 0, 0, 0, 0, 1]),  # track
        st.binary(max_size=40) | st.sampled_from([bytes(1000), bytes(1000), bytes(2000)]),
        st.booleans(),
        st.booleans(),
        st.integers(0, 0xFFFFFFFF),
        st.sampled_from([(), (), (), (), (), ((1, b"x"),)]),
    ),
    min_size=1,
    max_size=64,
)
wires = st.builds(
    Wire,
    st.integers(0, 127),
    st.just({1: 3}),
    sent_at=st.sampled_from([None, 5, 200]),
    ssrc=st.sampled_from([None, 0xFFFFFFFF]),
)


@many
@given(contents, wires, st.sampled_from([5, 0xFFFE, 0x1_FFFF, (1 << 48) - 100]))
def test_a_burst_is_laid_out_as_in_python(
    those: Sequence[tuple[int, int, bytes, bool, bool, int, tuple[tuple[int, bytes], ...]]],
    wire: Wire,
    index: int,
) -> None:
    burst = []
    for step, track, payload, marker, padding, timestamp, extensions in those:
        index += step
        fields = {"marker": marker, "padding": padding, "timestamp": timestamp, "extensions": extensions}
        burst.append(outgoing(index, payload, track, **fields))
    laid = [
        LaidBurst(burst, [wire, None], memoryview(bytearray(BUFFER_BYTES)), SentAt(3.0), lay)
        for lay in (None, NATIVE.lay)
    ]
    for name in ("packets", "parts", "_headers", "_payloads", "_runs", "_series"):
        assert getattr(laid[1], name) == getattr(laid[0], name), name


def test_the_usual_burst_is_laid_out_natively() -> None:
    burst = [outgoing(n, marker=n == 3) for n in range(1, 4)]
    assert NATIVE.lay(burst, 96, 0, b"", 65_000) is not None
    for other in (
        [*burst, outgoing(5)],
        [outgoing(4, extensions=((1, b"x"),))],
        [outgoing(n) for n in range(65)],
        [],
    ):
        assert NATIVE.lay(other, 96, 0, b"", 65_000) is None
    assert NATIVE.lay(burst, 96, 0, bytes(65), 65_000) is None


def test_nothing_is_kept_of_a_burst() -> None:
    burst = [outgoing(n, os.urandom(9)) for n in range(1, 4)]
    unusual = [*burst, outgoing(9)]
    before = [sys.getrefcount(each) for packet in burst for each in (packet, packet.packet.payload)]
    for _ in range(100):
        assert NATIVE.lay(burst, 96, 0, b"", 65_000)
        assert NATIVE.lay(unusual, 96, 0, b"", 65_000) is None
    after = [sys.getrefcount(each) for packet in burst for each in (packet, packet.packet.payload)]
    assert [count - 1 for count in after[::2]] == [count - 1 for count in before[::2]]
    assert after[1::2] == before[1::2]


class _Odd:
    """Has the fields of a packet, and anything in them."""

    def __init__(self, value: Any) -> None:
        self.track = self.extended = self.timestamp = self.ssrc = self.payload = self.extensions = value
        self.marker = self.padding = value
        self.packet = self


anything = st.none() | st.integers() | st.binary(max_size=40) | st.text(max_size=5) | st.floats()


@many
@given(
    st.lists(st.builds(outgoing, st.integers(0, 3)) | st.builds(_Odd, anything) | anything, max_size=4)
    | anything,
    st.integers(-1, 300) | anything,
    st.integers(0, 9) | anything,
    st.binary(max_size=80) | anything,
    st.integers(-9, 70_000) | anything,
)
def test_whatever_it_is_given_it_lays_out_or_refuses(
    packets: Any, payload_type: Any, ssrc: Any, block: Any, most_run: Any
) -> None:
    try:
        laid = NATIVE.lay(packets, payload_type, ssrc, block, most_run)
    except (TypeError, AttributeError, OverflowError, ValueError):
        return
    assert laid is None or len(laid[0]) == len(packets)


@pytest.mark.parametrize("value", [object(), "text", 1.5, None])
def test_what_is_no_packet_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, AttributeError)):
        NATIVE.lay([value], 96, 0, b"", 65_000)
