"""RTP packets (RFC 3550 5.1) and their header extensions (RFC 8285), as bytes in and bytes out."""

import struct
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

_FIXED = struct.Struct("!BBHII")
FIXED_SIZE = _FIXED.size

_ONE_BYTE = 0xBEDE
_TWO_BYTE = 0x1000  # the low four bits are the application's (RFC 8285 4.3)

Extensions = tuple[tuple[int, bytes], ...]


class RtpError(ValueError):
    """Bytes that are no RTP packet."""


class RtpPacket(Struct, frozen=True, gc=False):
    """A packet that was taken apart once; `payload` keeps its padding, as the padding bit says.

    Thousands are held for a while: as structs without collection they cost Python's collector nothing, which
    would stop all media to look at each (docs/performance.md).
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
        """The packet with the elements that `ids` knows, under their new ids."""
        kept = tuple((ids[element], value) for element, value in self.extensions if element in ids)
        return replace(self, extensions=kept)


def parse(data: bytes) -> RtpPacket:
    """The packet in `data`; raises `RtpError`. CSRCs are skipped: we mix nothing."""
    if len(data) < FIXED_SIZE or data[0] >> 6 != 2:
        raise RtpError("no RTP header")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first == 0x80:  # most of those without extensions
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


def read_extensions(profile: int, block: bytes) -> Extensions:
    """The elements of an extension block; what is cut or of an unknown form is left out."""
    if profile == _ONE_BYTE:
        return tuple(_one_byte_elements(block))
    if profile & 0xFFF0 == _TWO_BYTE:
        return tuple(_two_byte_elements(block))
    return ()


def _one_byte_elements(block: bytes) -> Iterable[tuple[int, bytes]]:
    at = 0
    while at < len(block):
        head = block[at]
        at += 1
        if head == 0:  # padding
            continue
        if head >> 4 in (0, 15):  # RFC 8285 4.2: stop here
            return
        end = at + (head & 0x0F) + 1
        if end > len(block):
            return
        yield head >> 4, block[at:end]
        at = end


def _two_byte_elements(block: bytes) -> Iterable[tuple[int, bytes]]:
    at = 0
    while at < len(block):
        element = block[at]
        at += 1
        if element == 0:  # padding
            continue
        if at >= len(block) or at + 1 + block[at] > len(block):
            return
        end = at + 1 + block[at]
        yield element, block[at + 1 : end]
        at = end


def map_extensions(extensions: Extensions, ids: Mapping[int, int]) -> bytes:
    """The extension block of the elements that `ids` knows, under their new ids; empty without any."""
    kept = [(ids[element], value) for element, value in extensions if element in ids]
    if not kept:
        return b""
    if all(element < 15 and 1 <= len(value) <= 16 for element, value in kept):
        profile = _ONE_BYTE
        block = b"".join(bytes(((element << 4) | (len(value) - 1),)) + value for element, value in kept)
    else:
        profile = _TWO_BYTE
        block = b"".join(bytes((element, len(value))) + value for element, value in kept)
    words = (len(block) + 3) // 4
    return struct.pack("!HH", profile, words) + block.ljust(4 * words, b"\0")


def build_header(
    packet: RtpPacket, payload_type: int, sequence: int, timestamp: int, ssrc: int, extension_block: bytes
) -> bytes:
    """The header of `packet` on another wire: renumbered, without CSRCs, with other extensions."""
    first = 0x80 | (packet.padding << 5) | (bool(extension_block) << 4)
    second = (packet.marker << 7) | payload_type
    return _FIXED.pack(first, second, sequence, timestamp, ssrc) + extension_block
