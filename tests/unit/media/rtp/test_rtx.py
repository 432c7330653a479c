"""A packet goes through its retransmission stream and comes out as it was (RFC 4588)."""

import pytest
from aiortc import rtp as other
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from media.rtp.packet import RtpPacket, parse
from media.rtp.rtx import PADDING_BYTES, RtxError, RtxStream, unwrap

PACKET = RtpPacket(
    padding=False,
    marker=True,
    payload_type=96,
    sequence=65535,
    timestamp=0xFFFFFFF0,
    ssrc=0xCAFE,
    extensions=((3, b"\x01\x02"),),
    payload=b"payload",
)
EXTENSIONS = bytes.fromhex("bede0001 31010200")


def through(stream: RtxStream, packet: RtpPacket) -> bytes:
    _, header, payload = stream.wrap(packet, packet.sequence, packet.timestamp, EXTENSIONS)
    return header + payload


def test_it_is_what_another_implementation_makes() -> None:
    stream = RtxStream(ssrc=0xBEEF, payload_type=97, first=7)
    theirs = other.RtpPacket(
        payload_type=96,
        marker=1,
        sequence_number=65535,
        timestamp=0xFFFFFFF0,
        ssrc=0xCAFE,
        payload=b"payload",
    )
    wrapped = other.wrap_rtx(theirs, payload_type=97, sequence_number=7, ssrc=0xBEEF)
    _, header, payload = stream.wrap(PACKET, 65535, 0xFFFFFFF0, b"")
    assert header + payload == wrapped.serialize()


@given(
    st.booleans(),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=100),
    st.integers(0, 255),
)
def test_what_goes_in_comes_out(
    marker: bool, sequence: int, timestamp: int, payload: bytes, padding: int
) -> None:
    original = replace(PACKET, marker=marker, sequence=sequence, timestamp=timestamp, payload=payload)
    sent = original
    if padding:
        sent = replace(original, padding=True, payload=payload + bytes(padding - 1) + bytes((padding,)))
    stream = RtxStream(ssrc=0xBEEF, payload_type=97, first=0)
    wire = parse(through(stream, sent))
    assert (wire.ssrc, wire.payload_type, wire.padding) == (0xBEEF, 97, False)
    assert unwrap(wire, payload_type=96, ssrc=0xCAFE) == original


def test_the_stream_counts_by_itself_over_the_wrap() -> None:
    stream = RtxStream(ssrc=1, payload_type=97, first=65534)
    indices = []
    for n in range(4):
        index, header, payload = stream.wrap(PACKET, n, 0, b"")
        indices.append(index)
        assert parse(header + payload).sequence == index & 0xFFFF
    assert indices == [65534, 65535, 65536, 65537]
    assert stream.next_index == 65538


def test_the_retransmissions_own_padding_is_taken_off() -> None:
    wire = parse(through(RtxStream(1, 97, 0), PACKET))
    for own in (b"\1", b"\0\0\3"):
        padded = replace(wire, padding=True, payload=wire.payload + own)
        assert unwrap(padded, 96, 0xCAFE) == PACKET


@pytest.mark.parametrize(
    ("padding", "payload"),
    [
        (False, b""),
        (False, b"\x01"),
        (True, bytes(254) + b"\xff"),  # a probe of the bandwidth
        (True, b"\x01\x02"),  # one byte is left
        (True, b"\x00"),
        (True, b"\x09\x09"),
        (True, b""),
    ],
)
def test_what_brings_no_original_is_refused(padding: bool, payload: bytes) -> None:
    with pytest.raises(RtxError):
        unwrap(replace(PACKET, padding=padding, payload=payload), 96, 1)


@pytest.mark.parametrize("payload", [b"", b"\x00", b"ab\x09"])
def test_an_original_with_wrong_padding_is_not_wrapped(payload: bytes) -> None:
    stream = RtxStream(1, 97, 5)
    with pytest.raises(RtxError):
        stream.wrap(replace(PACKET, padding=True, payload=payload), 0, 0, b"")
    assert stream.next_index == 5


@pytest.mark.parametrize("octets", [1, 2, PADDING_BYTES])
def test_padding_is_a_packet_of_its_own_without_an_original(octets: int) -> None:
    stream = RtxStream(ssrc=0xBEEF, payload_type=97, first=0x1FFFF)
    index, header, payload = stream.padding(octets, EXTENSIONS)
    assert (index, stream.next_index) == (0x1FFFF, 0x20000)
    assert payload == bytes(octets - 1) + bytes((octets,))
    packet = parse(header + payload)
    assert (packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc) == (97, 0xFFFF, 0, 0xBEEF)
    assert (packet.padding, packet.marker, packet.extensions) == (True, False, ((3, b"\1\2"),))
    with pytest.raises(RtxError):
        unwrap(packet, 96, 0xCAFE)
