"""When numbered packets came is read as it was told, and hostile bytes cost little."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.packet_arrivals import MOST_PACKETS, PacketArrivals
from media.rtp.rtcp import RtcpError, parse_compound
from media.tracks.transport_feedback import TransportFeedback

TICK = 0.00025


def report(count: int, *chunks: int, deltas: bytes = b"", reference: int = 2) -> bytes:
    body = struct.pack(f"!IIHHI{len(chunks)}H", 1, 2, 7, count, reference << 8, *chunks) + deltas
    body += bytes(-len(body) % 4)
    return struct.pack("!BBH", 0x80 | 15, 205, len(body) // 4) + body


def arrivals(packet: bytes) -> PacketArrivals:
    (read,) = parse_compound(packet)
    assert isinstance(read, PacketArrivals)
    return read


@given(
    start=st.integers(0, 0xFFFF),
    gaps=st.lists(st.tuples(st.integers(1, 8), st.floats(0, 0.5)), min_size=1, max_size=30),
)
def test_it_reads_what_we_tell_publishers(start: int, gaps: list[tuple[int, float]]) -> None:
    feedback, now, number = TransportFeedback(1, 5), 5.0, start
    told: dict[int, float] = {}
    for ahead, seconds in gaps:
        number, now = number + ahead, now + seconds
        told[number & 0xFFFF] = now
        feedback.received(number & 0xFFFF, now)
    read: dict[int, float] = {}
    for packet in feedback.build(now, 2):
        for of_packet in parse_compound(packet):
            assert isinstance(of_packet, PacketArrivals)
            for place, time in enumerate(of_packet.times):
                if time is not None:
                    read[of_packet.first + place & 0xFFFF] = time
    assert read.keys() <= told.keys()
    assert all(abs(read[n] - told[n]) < TICK + 1e-9 for n in read)  # and what floats lose
    if number - start + 1 <= MOST_PACKETS:
        assert read.keys() == told.keys()


def test_vectors_of_one_and_two_bits_and_runs_are_told_apart() -> None:
    one_bit = 0x8000 | 0b10110000000000
    two_bits = 0xC000 | 0b01_10_00_01_00_00_00
    read = arrivals(report(22, one_bit, two_bits, 0x2001, deltas=bytes((4, 4, 4, 4, 0xFF, 0xFC, 8, 1))))
    came = [(place, time) for place, time in enumerate(read.times) if time is not None]
    assert [place for place, _ in came] == [0, 2, 3, 14, 15, 17, 21]
    since = [round((time - 0.128) / TICK) for _, time in came]
    assert since == [4, 8, 12, 16, 12, 20, 21]
    assert (read.sender_ssrc, read.media_ssrc, read.first) == (1, 2, 7)


@pytest.mark.parametrize("length", [1, 2, 3, 0x1000, 0x1FFF])
def test_a_run_may_be_longer_than_what_is_told(length: int) -> None:
    told = arrivals(report(2, 0x2000 | length, 0x0001, deltas=b"\1\2"))
    assert [time is not None for time in told.times] == [True, length > 1]
    assert len(arrivals(report(3, 0x2002, 0x2000 | length, deltas=b"\1\2\3")).times) == 3


def test_one_that_claims_thousands_in_a_few_octets_is_ignored() -> None:
    assert parse_compound(report(MOST_PACKETS + 1, 0x1FFF)) == []
    assert len(arrivals(report(MOST_PACKETS, 0x1FFF)).times) == MOST_PACKETS


@pytest.mark.parametrize(
    "packet",
    [
        report(7, 0),  # a run of nothing, and no further one
        report(20, 0xBFFF),  # its second chunk, or its deltas, are not there
        report(60, 0x203C, deltas=bytes(40)),
        report(3, 0x4003, deltas=b"\0\1"),
    ],
)
def test_one_that_is_cut_off_is_an_error(packet: bytes) -> None:
    with pytest.raises(RtcpError):
        parse_compound(packet)
