"""RTCP, parsed and built (RFC 3550 6, RFC 4585, RFC 5104, REMB). Any packet may stand alone (RFC 5506)."""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from media.rtp import rtcp_app
from media.rtp.packet_arrivals import PacketArrivals, parse_arrivals
from media.rtp.padding import without_padding

MAX_PACKETS = 64  # in one compound packet; real ones hold two or three

_SR, _RR, _SDES, _BYE, _RTPFB, _PSFB, _XR = 200, 201, 202, 203, 205, 206, 207
_NACK, _ARRIVALS, _PLI, _FIR, _AFB = 1, 15, 1, 4, 15
_CNAME = 1
_RRTR, _DLRR = 4, 5  # blocks of an XR (RFC 3611 4)

_HEADER = struct.Struct("!BBH")
_SENDER_INFO = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")
_SSRC = struct.Struct("!I")
_SSRCS = struct.Struct("!II")
_FIR_ENTRY = struct.Struct("!IB3x")
_NACK_ENTRY = struct.Struct("!HH")
_XR_BLOCK = struct.Struct("!BxH")
_REFERENCE = struct.Struct("!Q")
_DLRR_ENTRY = struct.Struct("!III")


class RtcpError(ValueError):
    """The bytes are not RTCP."""


# Each viewer sends five reports a second: tuples are made in a third of a dataclass's time.
class ReportBlock(NamedTuple):
    """The reception of one source (RFC 3550 6.4.1)."""

    ssrc: int
    fraction_lost: int  # in 1/256, since the last report
    packets_lost: int  # since the beginning; negative if there were duplicates
    highest_sequence: int  # extended to 32 bits
    jitter: int  # in ticks of the media's clock
    last_report: int  # LSR: middle 32 bits of the last SR's NTP time, 0 for none
    delay: int  # DLSR: since that SR, in 1/65536 s


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp_time: int  # 64 bits: seconds since 1900 and their fraction
    rtp_time: int  # the same instant on the media's clock
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


class ReceiverReport(NamedTuple):
    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Bye:
    ssrcs: tuple[int, ...]
    reason: bytes = b""


@dataclass(frozen=True, slots=True)
class Pli:
    sender_ssrc: int
    media_ssrc: int


@dataclass(frozen=True, slots=True)
class Fir:
    sender_ssrc: int
    entries: tuple[tuple[int, int], ...]  # media SSRC and command number (RFC 5104 4.3.1)


@dataclass(frozen=True, slots=True)
class Nack:
    sender_ssrc: int
    media_ssrc: int
    entries: tuple[tuple[int, int], ...]  # PID and BLP (RFC 4585 6.2.1)

    @property
    def count(self) -> int:
        """How many sequence numbers are missing."""
        return sum(1 + mask.bit_count() for _, mask in self.entries)

    def sequences(self) -> Iterator[int]:
        """The missing sequence numbers; 17 at most for each entry."""
        for first, mask in self.entries:
            yield first
            for bit in range(16):
                if mask >> bit & 1:
                    yield first + bit + 1 & 0xFFFF


class Remb(NamedTuple):
    """draft-alvestrand-rmcat-remb-03: the bandwidth that the receiver estimates."""

    sender_ssrc: int
    bitrate: int  # bits a second
    ssrcs: tuple[int, ...]


class ReferenceTime(NamedTuple):
    """An XR in which a receiver says what its clock was (RFC 3611 4.4): it wants to know its round trip."""

    ssrc: int
    ntp_time: int  # 64 bits


Packet = (
    SenderReport
    | ReceiverReport
    | Bye
    | Pli
    | Fir
    | Nack
    | Remb
    | ReferenceTime
    | PacketArrivals
    | rtcp_app.App
)


def parse_compound(data: bytes) -> list[Packet]:
    """The packets of a compound packet, in its order, without types that we ignore; raises `RtcpError`."""
    packets: list[Packet] = []
    at, end = 0, len(data)
    for _ in range(MAX_PACKETS):
        if at == end:
            return packets
        if end - at < _HEADER.size:  # below 0 behind a packet that is cut off
            raise RtcpError("header or packet is cut off")
        first, kind, words = _HEADER.unpack_from(data, at)
        after = at + _HEADER.size + 4 * words
        if first >> 6 != 2:
            raise RtcpError("not version 2")
        body = data[at + _HEADER.size : after]
        if first & 0x20:
            bare = without_padding(body)
            if bare is None:
                raise RtcpError("wrong padding")
            body = bare
        if parse := _PARSERS.get(kind):
            try:
                packet = parse(body, first & 0x1F)
            except (struct.error, IndexError):
                raise RtcpError(f"packet of type {kind} is too short") from None
            if packet is not None:
                packets.append(packet)
        at = after
    if at == end:
        return packets
    raise RtcpError("too many packets")


def _parse_sender_report(body: bytes, count: int) -> SenderReport:
    ssrc, ntp_time, rtp_time, packets, octets = _SENDER_INFO.unpack_from(body)
    blocks = _parse_blocks(body, _SENDER_INFO.size, count)
    return SenderReport(ssrc, ntp_time, rtp_time, packets, octets, blocks)


def _parse_receiver_report(body: bytes, count: int) -> ReceiverReport:
    (ssrc,) = _SSRC.unpack_from(body)
    return ReceiverReport(ssrc, _parse_blocks(body, _SSRC.size, count))


def _parse_blocks(body: bytes, at: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for n in range(count):  # what follows is a profile's extension (RFC 3550 6.4.3)
        ssrc, loss, highest, jitter, last, delay = _BLOCK.unpack_from(body, at + n * _BLOCK.size)
        lost = (loss & 0xFFFFFF) - ((loss & 0x800000) << 1)
        blocks.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last, delay))
    return tuple(blocks)


def _parse_bye(body: bytes, count: int) -> Bye:
    ssrcs = struct.unpack_from(f"!{count}I", body)
    rest = body[4 * count :]
    return Bye(ssrcs, rest[1 : 1 + rest[0]] if rest else b"")


def _parse_transport_feedback(body: bytes, form: int) -> Nack | PacketArrivals | None:
    sender, media = _SSRCS.unpack_from(body)
    if form == _ARRIVALS:
        return parse_arrivals(sender, media, body[_SSRCS.size :])
    if form != _NACK:
        return None
    return Nack(sender, media, tuple(_NACK_ENTRY.iter_unpack(_whole(body[_SSRCS.size :], _NACK_ENTRY.size))))


def _parse_payload_feedback(body: bytes, form: int) -> Pli | Fir | Remb | None:
    sender, media = _SSRCS.unpack_from(body)
    if form == _PLI:
        return Pli(sender, media)
    if form == _FIR:
        return Fir(sender, tuple(_FIR_ENTRY.iter_unpack(_whole(body[_SSRCS.size :], _FIR_ENTRY.size))))
    if form == _AFB and body[8:12] == b"REMB":
        (packed,) = _SSRC.unpack_from(body, 12)  # 8 bits count, 6 exponent, 18 mantissa
        bitrate = (packed & 0x3FFFF) << (packed >> 18 & 0x3F)
        return Remb(sender, bitrate, struct.unpack_from(f"!{packed >> 24}I", body, 16))
    return None


def _parse_extended_report(body: bytes, _: int) -> ReferenceTime | None:
    (ssrc,) = _SSRC.unpack_from(body)
    at = _SSRC.size
    while at < len(body):
        kind, words = _XR_BLOCK.unpack_from(body, at)
        at += _XR_BLOCK.size
        if kind == _RRTR:
            return ReferenceTime(ssrc, *_REFERENCE.unpack_from(body, at))
        at += 4 * words
    return None


def _whole(entries: bytes, size: int) -> bytes:
    """Those of `size` bytes that are complete."""
    return entries[: len(entries) - len(entries) % size]


_PARSERS: dict[int, Callable[[bytes, int], Packet | None]] = {
    _SR: _parse_sender_report,
    _RR: _parse_receiver_report,
    _BYE: _parse_bye,
    rtcp_app.KIND: rtcp_app.parse_app,
    _RTPFB: _parse_transport_feedback,
    _PSFB: _parse_payload_feedback,
    _XR: _parse_extended_report,
}


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def sender_report(ssrc: int, ntp_time: int, rtp_time: int, packets: int, octets: int) -> bytes:
    """An SR without blocks; the counts wrap at 32 bits (RFC 3550 6.4.1)."""
    info = _SENDER_INFO.pack(ssrc, ntp_time, rtp_time, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return _packet(_SR, 0, info)


def receiver_report(ssrc: int, blocks: Sequence[ReportBlock]) -> bytes:
    """An RR of at most 31 blocks."""
    return _packet(_RR, len(blocks), _SSRC.pack(ssrc) + b"".join(map(_pack_block, blocks)))


def dlrr(sender_ssrc: int, asked: ReferenceTime, delay: float) -> bytes:
    """An XR that answers `asked`, which came `delay` seconds ago (RFC 3611 4.5)."""
    entry = _DLRR_ENTRY.pack(asked.ssrc, asked.ntp_time >> 16 & 0xFFFFFFFF, round(delay * 0x10000))
    block = _XR_BLOCK.pack(_DLRR, len(entry) // 4) + entry
    return _packet(_XR, 0, _SSRC.pack(sender_ssrc) + block)


def _pack_block(block: ReportBlock) -> bytes:
    loss = block.fraction_lost << 24 | block.packets_lost & 0xFFFFFF
    return _BLOCK.pack(block.ssrc, loss, block.highest_sequence, block.jitter, block.last_report, block.delay)


def sdes(ssrc: int, cname: bytes) -> bytes:
    """The CNAME after an SR or RR (RFC 3550 6.5.1). Tracks that play in sync share it."""
    chunk = _SSRC.pack(ssrc) + bytes((_CNAME, len(cname))) + cname
    return _packet(_SDES, 1, chunk + bytes(4 - len(chunk) % 4))


def bye(ssrcs: Sequence[int], reason: bytes = b"") -> bytes:
    """A BYE of at most 31 sources; `reason` has at most 255 bytes (RFC 3550 6.6)."""
    text = bytes((len(reason),)) + reason if reason else b""
    padded = text + bytes(-len(text) % 4)
    return _packet(_BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}I", *ssrcs) + padded)


def pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    return _packet(_PSFB, _PLI, _SSRCS.pack(sender_ssrc, media_ssrc))


def fir(sender_ssrc: int, media_ssrc: int, command: int) -> bytes:
    """`command` (8 bits) increases by one with each new request (RFC 5104 4.3.1.1)."""
    return _packet(_PSFB, _FIR, _SSRCS.pack(sender_ssrc, 0) + _FIR_ENTRY.pack(media_ssrc, command & 0xFF))


def remb(sender_ssrc: int, bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """A REMB for at most 255 sources; `bitrate`, in bits a second, is rounded down to 18 bits."""
    exponent = max(0, bitrate.bit_length() - 18)
    packed = len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent
    body = b"REMB" + struct.pack(f"!I{len(ssrcs)}I", packed, *ssrcs)
    return _packet(_PSFB, _AFB, _SSRCS.pack(sender_ssrc, 0) + body)


def nack(sender_ssrc: int, media_ssrc: int, sequences: Iterable[int]) -> bytes:
    """A NACK for `sequences`, in their order; it is shortest if they ascend."""
    entries: list[tuple[int, int]] = []
    for sequence in sequences:
        if entries:
            first, mask = entries[-1]
            ahead = sequence - first & 0xFFFF
            if 1 <= ahead <= 16:
                entries[-1] = (first, mask | 1 << ahead - 1)
                continue
        entries.append((sequence, 0))
    body = b"".join(_NACK_ENTRY.pack(*entry) for entry in entries)
    return _packet(_RTPFB, _NACK, _SSRCS.pack(sender_ssrc, media_ssrc) + body)
