"""RTCP is built and read as another implementation does, and hostile bytes raise one error."""

import struct
from functools import partial

import pytest
from aiortc import rtp as other

from media.rtp import rtcp
from media.rtp.rtcp import (
    Bye,
    Fir,
    Nack,
    Pli,
    ReceiverReport,
    Remb,
    ReportBlock,
    RtcpError,
    SenderReport,
    parse_compound,
)
from tests.support.steps import steps_of

BLOCK = ReportBlock(
    ssrc=0xCAFEBABE,
    fraction_lost=255,
    packets_lost=-5,
    highest_sequence=0x0001FFFF,
    jitter=1234,
    last_report=0xABCDEF01,
    delay=65536,
)


def test_sender_report_round_trips_through_another_implementation() -> None:
    data = rtcp.sender_report(1, 2**64 - 1, 2**32 - 1, 2**33 - 7, 2**34 - 9)
    (theirs,) = other.RtcpPacket.parse(data)
    assert isinstance(theirs, other.RtcpSrPacket)
    assert theirs.sender_info == other.RtcpSenderInfo(2**64 - 1, 2**32 - 1, 2**32 - 7, 2**32 - 9)
    assert bytes(theirs) == data
    assert parse_compound(data) == [SenderReport(1, 2**64 - 1, 2**32 - 1, 2**32 - 7, 2**32 - 9)]


def test_sender_report_with_blocks_of_another_implementation_is_read() -> None:
    info = other.RtcpReceiverInfo(2, 3, -4, 5, 6, 7, 8)
    data = bytes(other.RtcpSrPacket(1, other.RtcpSenderInfo(10, 11, 12, 13), [info, info]))
    block = ReportBlock(2, 3, -4, 5, 6, 7, 8)
    assert parse_compound(data) == [SenderReport(1, 10, 11, 12, 13, (block, block))]


@pytest.mark.parametrize("count", [0, 1, 31])
def test_receiver_report_round_trips_through_another_implementation(count: int) -> None:
    data = rtcp.receiver_report(9, [BLOCK] * count)
    (theirs,) = other.RtcpPacket.parse(data)
    assert isinstance(theirs, other.RtcpRrPacket)
    assert [report.packets_lost for report in theirs.reports] == [-5] * count
    assert bytes(theirs) == data
    assert parse_compound(data) == [ReceiverReport(9, (BLOCK,) * count)]


@pytest.mark.parametrize("lost", [-0x800000, -1, 0, 1, 0x7FFFFF])
def test_losses_keep_their_sign(lost: int) -> None:
    block = ReportBlock(1, 0, lost, 0, 0, 0, 0)
    assert parse_compound(rtcp.receiver_report(9, [block])) == [ReceiverReport(9, (block,))]


@pytest.mark.parametrize("cname", [b"", b"a", b"ab", b"abc", b"abcd", b"x" * 255])
def test_sdes_round_trips_through_another_implementation(cname: bytes) -> None:
    data = rtcp.sdes(7, cname)
    (theirs,) = other.RtcpPacket.parse(data)
    assert isinstance(theirs, other.RtcpSdesPacket)
    assert theirs.chunks == [other.RtcpSourceInfo(7, [(1, cname)])]
    assert 1 <= len(data) - (4 + 4 + 2 + len(cname)) <= 4  # the nulls that end it


@pytest.mark.parametrize("ssrcs", [(), (1,), (1, 2**32 - 1)])
def test_bye_round_trips_through_another_implementation(ssrcs: tuple[int, ...]) -> None:
    data = rtcp.bye(ssrcs)
    (theirs,) = other.RtcpPacket.parse(data)
    assert isinstance(theirs, other.RtcpByePacket)
    assert tuple(theirs.sources) == ssrcs
    assert parse_compound(data) == [Bye(ssrcs)]


def test_bye_with_a_reason_is_read() -> None:
    data = bytes((0x81, 203, 0, 3)) + b"\x00\x00\x00\x05" + b"\x06camera\x00"
    assert parse_compound(data) == [Bye((5,), b"camera")]


@pytest.mark.parametrize("reason", [b"", b"a", b"over", b"x" * 255])
def test_bye_with_a_reason_round_trips(reason: bytes) -> None:
    data = rtcp.bye((5, 6), reason)
    assert parse_compound(data + rtcp.pli(1, 2)) == [Bye((5, 6), reason), Pli(1, 2)]
    assert 0 <= len(data) - (4 + 8 + bool(reason) + len(reason)) < 4
    assert other.RtcpPacket.parse(data)[0].sources == [5, 6]


def test_keyframe_requests_are_understood_by_another_implementation() -> None:
    (theirs,) = other.RtcpPacket.parse(rtcp.pli(1, 2))
    assert theirs == other.RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=2)
    assert parse_compound(bytes(theirs)) == [Pli(1, 2)]
    (theirs,) = other.RtcpPacket.parse(rtcp.fir(1, 2, 0x1FF))
    assert theirs == other.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=b"\0\0\0\2\xff\0\0\0")
    assert parse_compound(bytes(theirs)) == [Fir(1, ((2, 0xFF),))]


@pytest.mark.parametrize(
    ("sequences", "entries"),
    [
        ([], ()),
        ([5], ((5, 0),)),
        ([5, 6, 21], ((5, 0x8001),)),
        ([5, 22], ((5, 0), (22, 0))),
        ([5, 22, 23], ((5, 0), (22, 1))),
        ([65535, 0, 15], ((65535, 0x8001),)),
        ([0, 0x8001], ((0, 0), (0x8001, 0))),
        ([65530, 10, 65530], ((65530, 0x8000), (65530, 0))),
    ],
)
def test_nack_packs_and_unpacks_over_the_wrap(
    sequences: list[int], entries: tuple[tuple[int, int], ...]
) -> None:
    (packet,) = parse_compound(rtcp.nack(1, 2, sequences))
    assert packet == Nack(1, 2, entries)
    assert isinstance(packet, Nack)
    assert packet.count == len(list(packet.sequences()))
    assert list(packet.sequences()) == sequences


def test_nack_agrees_with_another_implementation() -> None:
    lost = [100, 101, 110, 116, 117, 300, 65535]
    (theirs,) = other.RtcpPacket.parse(rtcp.nack(1, 2, lost))
    assert theirs == other.RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=lost)
    (ours,) = parse_compound(bytes(theirs))
    assert isinstance(ours, Nack)
    assert list(ours.sequences()) == lost


def test_compound_packets_are_read_in_order_and_unknown_ones_skipped() -> None:
    congestion = bytes((0x8B, 205, 0, 3)) + bytes(12)
    extended = bytes((0x80, 207, 0, 2)) + bytes(8)
    other_afb = bytes((0x8F, 206, 0, 3)) + bytes(12)
    cut = b"\x81\xca\x00\x02" + b"\x00\x00\x00\x01\x01\xff\x00\x00"  # an item of an SDES: nobody reads it
    compound = rtcp.receiver_report(1, []) + extended + rtcp.sdes(1, b"c") + cut
    data = compound + congestion + other_afb + rtcp.pli(1, 2)
    assert parse_compound(data) == [ReceiverReport(1), Pli(1, 2)]


def test_reduced_size_and_padding_are_taken() -> None:
    data = rtcp.nack(1, 2, [5])
    padded = bytes((data[0] | 0x20, data[1], 0, 4)) + data[4:] + b"\x00\x00\x00\x04"
    assert parse_compound(padded) == [Nack(1, 2, ((5, 0),))]


def test_half_an_entry_at_the_end_is_left_out() -> None:
    data = rtcp.fir(1, 2, 3)
    assert parse_compound(data[:3] + b"\x05" + data[4:] + bytes(4)) == [Fir(1, ((2, 3),))]


def test_a_profile_extension_after_the_blocks_is_ignored() -> None:
    data = rtcp.receiver_report(9, [BLOCK])
    longer = data[:2] + (len(data) // 4).to_bytes(2, "big") + data[4:] + b"ext!"
    assert parse_compound(longer) == [ReceiverReport(9, (BLOCK,))]


def test_a_compound_without_known_packets_is_empty() -> None:
    assert parse_compound(b"") == []
    assert parse_compound(bytes((0x80, 208, 0, 0)) * rtcp.MAX_PACKETS) == []


@pytest.mark.parametrize(
    "data",
    [
        b"\x80",
        b"\x80\xc8\x00",
        b"\x40\xc8\x00\x00",  # version 1
        b"\x80\xc8\x00\x06" + bytes(20),  # cut off
        b"\x80\xc8\x00\x00",  # an SR of nothing
        b"\x81\xc9\x00\x01" + bytes(4),  # a block announced, none there
        b"\x82\xcb\x00\x01" + bytes(4),  # BYE of two with one
        b"\x81\xce\x00\x01" + bytes(4),  # PLI without its target
        b"\x81\xcd\x00\x01" + bytes(4),
        b"\x8f\xce\x00\x03" + bytes(8) + b"REMB",
        b"\x8f\xce\x00\x04" + bytes(8) + b"REMB" + b"\x01\x00\x00\x00",  # an SSRC announced
        b"\x80\xd0\x00\x01" + bytes(3),  # a packet that we ignore, cut off
        b"\xa0\xd0\x00\x00",  # padding of nothing
        b"\xa0\xd0\x00\x01" + bytes(4),  # padding of length 0
        b"\xa0\xd0\x00\x01" + b"\x00\x00\x00\x05",
        bytes((0x80, 207, 0, 0)) * (rtcp.MAX_PACKETS + 1),
        rtcp.pli(1, 2) + b"\x00",
        b"\x80\xcf\x00\x03" + bytes(4) + b"\x04\x00\x00\x02" + bytes(4),  # a receiver's clock, cut off
    ],
)
def test_anything_else_raises_the_one_error(data: bytes) -> None:
    with pytest.raises(RtcpError):
        parse_compound(data)


@pytest.mark.parametrize("bitrate", [0, 1, 0x3FFFF, 0x40000, 2_500_001, 10**9, 2**60])
@pytest.mark.parametrize("ssrcs", [[], [0xCAFEBABE], [1, 2, 3]])
def test_remb_round_trips_through_another_implementation(bitrate: int, ssrcs: list[int]) -> None:
    data = rtcp.remb(9, bitrate, ssrcs)
    (theirs,) = other.RtcpPacket.parse(data)
    assert isinstance(theirs, other.RtcpPsfbPacket)
    assert (theirs.media_ssrc, theirs.fci) == (0, other.pack_remb_fci(bitrate, ssrcs))
    assert bytes(theirs) == data
    (ours,) = parse_compound(data)
    assert isinstance(ours, Remb)
    assert (ours.sender_ssrc, list(ours.ssrcs)) == (9, ssrcs)
    assert bitrate * (1 - 2**-17) <= ours.bitrate <= bitrate


def test_it_takes_time_in_proportion_to_its_length() -> None:
    def nack_of(entries: int) -> bytes:
        return rtcp.nack(1, 2, [n * 20 & 0xFFFF for n in range(entries)])

    def extended_of(blocks: int) -> bytes:
        return extended_report(*[LOSSES] * blocks)

    for made in (nack_of, extended_of):
        small, large = (steps_of(partial(parse_compound, made(count))) for count in (100, 1000))
        assert large <= 11 * small


def extended_report(*blocks: bytes) -> bytes:
    """RFC 3611 2, of the receiver 7."""
    body = (7).to_bytes(4) + b"".join(blocks)
    return struct.pack("!BBH", 0x80, 207, len(body) // 4) + body


LOSSES = bytes.fromhex("01000003 00000001 00010002 40000000")  # a block of type 1 (RFC 3611 4.1)
REFERENCE = bytes.fromhex("04000002 0102030405060708")  # RFC 3611 4.4


def test_a_receiver_s_clock_is_found_among_the_blocks_of_an_extended_report() -> None:
    asked = rtcp.ReferenceTime(7, 0x0102030405060708)
    assert parse_compound(extended_report(LOSSES, REFERENCE)) == [asked]
    assert parse_compound(extended_report(LOSSES)) == []


def test_a_receiver_s_clock_is_answered_by_rfc_3611() -> None:
    answer = rtcp.dlrr(0xA, rtcp.ReferenceTime(7, 0x0001A2A3A4A50708), 0.5)
    assert answer.hex(" ", 4) == "80cf0005 0000000a 05000003 00000007 a2a3a4a5 00008000"
