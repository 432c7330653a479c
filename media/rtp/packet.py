"""RTP packets (RFC 3550 5.1) and their header extensions (RFC 8285), as bytes in and bytes out."""

import struct
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from media.rtp.extensions import Extensions, map_extensions, read_extensions

_FIXED = struct.Struct("!BBHII")
FIXED_SIZE = _FIXED.size
read_fixed = _FIXED.unpack_from  # of an RTP packet: two bytes, sequence number, timestamp, SSRC
pack_fixed = _FIXED.pack


class RtpError(ValueError):
    """The bytes are not an RTP packet."""


class RtpPacket(Struct, frozen=True, gc=False):
    """A parsed packet. If `padding` is set, `payload` still ends with the padding.

    Rooms keep thousands of them. `gc=False` hides them from Python's garbage collector, which would stop all
    media to examine each (docs/decisions/0008-packets-without-a-collector.md).
    """

    padding: bool
    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    extensions: Extensions
    payload: bytes

    def with_extension_ids(self, ids: Mapping[int, int]) -> "RtpPacket":
        """The packet with the elements whose ids are in `ids`, under their new ids."""
        return replace(self, extensions=map_extensions(self.extensions, ids))


def is_rtcp(datagram: bytes) -> bool:
    """Whether SRTP or SRTCP is the latter, by its packet type (RFC 5761 4). It has two bytes or more."""
    return 192 <= datagram[1] <= 223


def parse(data: bytes) -> RtpPacket:
    """The packet in `data`; raises `RtpError`. CSRCs are dropped, since we do not mix."""
    if len(data) < FIXED_SIZE or data[0] >> 6 != 2:
        raise RtpError("no RTP header")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first == 0x80:  # the common case without extensions
        marker, payload_type = second >= 0x80, second & 0x7F
        return RtpPacket(False, marker, payload_type, sequence, timestamp, ssrc, (), data[FIXED_SIZE:])
    start = FIXED_SIZE + 4 * (first & 0x0F)
    extensions: Extensions = ()
    if first & 0x10:
        if len(data) < start + 4:
            raise RtpError("header extension is cut")
        profile, words = struct.unpack_from("!HH", data, start)
        block_start, start = start + 4, start + 4 + 4 * words
        extensions = read_extensions(profile, data[block_start:start])
    if start > len(data):
        raise RtpError("header is cut")
    return RtpPacket(
        bool(first & 0x20), second >= 0x80, second & 0x7F, sequence, timestamp, ssrc, extensions, data[start:]
    )


def build_header(
    packet: RtpPacket, payload_type: int, sequence: int, timestamp: int, ssrc: int, extension_block: bytes
) -> bytes:
    """A new header for `packet`: renumbered, without CSRCs, with other extensions."""
    first = 0x80 | (packet.padding << 5) | (bool(extension_block) << 4)
    second = (packet.marker << 7) | payload_type
    return _FIXED.pack(first, second, sequence, timestamp, ssrc) + extension_block
