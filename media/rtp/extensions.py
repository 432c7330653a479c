"""Header extensions (RFC 8285): their URIs, their elements as bytes, and the values that we write."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

DEPENDENCY_DESCRIPTOR_EXTENSION = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)
ABS_CAPTURE_TIME_EXTENSION = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
ABS_SEND_TIME_EXTENSION = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
MID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:mid"
PLAYOUT_DELAY_EXTENSION = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
RID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_CC_EXTENSION = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
# Extensions that a publisher writes for the receiver of a packet: they are forwarded to the viewers. What a
# camera says of its orientation (urn:3gpp:video-orientation) is left out: without it a phone that is held
# upright turns its pictures itself (RFC 7742 4), so recordings, stills and all players have them upright.
FORWARDED_EXTENSIONS = frozenset(
    {
        "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        PLAYOUT_DELAY_EXTENSION,
        "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
        "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
        DEPENDENCY_DESCRIPTOR_EXTENSION,
    }
)
PUBLISHER_EXTENSIONS = FORWARDED_EXTENSIONS | {MID_EXTENSION, RID_EXTENSION, REPAIRED_RID_EXTENSION}

_ONE_BYTE = 0xBEDE
_TWO_BYTE = 0x1000  # the low four bits are the application's (RFC 8285 4.3)

# (id, value) of each element
Extensions = tuple[tuple[int, bytes], ...]


def read_extensions(profile: int, block: bytes) -> Extensions:
    """The elements of an extension block, without those that are cut off or of an unknown form."""
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
        if head >> 4 in (0, 15):  # RFC 8285 4.2: ignore the rest
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


def map_extensions(extensions: Extensions, ids: Mapping[int, int]) -> Extensions:
    """The elements whose ids are in `ids`, under their new ids."""
    return tuple((ids[element], value) for element, value in extensions if element in ids)


def extension_block(elements: Sequence[tuple[int, bytes]]) -> bytes:
    """The block of these elements, in the short form if they fit into it; empty if there are none."""
    if not elements:
        return b""
    if all(element < 15 and 1 <= len(value) <= 16 for element, value in elements):
        profile = _ONE_BYTE
        block = b"".join(bytes(((element << 4) | (len(value) - 1),)) + value for element, value in elements)
    else:
        profile = _TWO_BYTE
        block = b"".join(bytes((element, len(value))) + value for element, value in elements)
    words = (len(block) + 3) // 4
    return struct.pack("!HH", profile, words) + block.ljust(4 * words, b"\0")


def capture_time(ntp_seconds: float) -> bytes:
    """The value of abs-capture-time, in NTP seconds of our own clock, which is that of our sender reports.

    64 bits of NTP time, and 64 of the distance to that clock (webrtc.googlesource.com: abs-capture-time).
    """
    return (round(ntp_seconds * 0x100000000) & 0xFFFFFFFFFFFFFFFF).to_bytes(8) + bytes(8)


class PlayoutDelay(NamedTuple):
    """How long a viewer should delay pictures, in seconds: at least, and at most."""

    least: float
    most: float

    def value(self) -> bytes:
        """Two numbers of 12 bits, in units of 10 ms (webrtc.googlesource.com: playout-delay)."""
        least, most = (min(round(seconds * 100), 0xFFF) for seconds in self)
        return (least << 12 | most).to_bytes(3)


def send_time(now: float) -> bytes:
    """The value of abs-send-time: when a packet is sent, in seconds of a steady clock, modulo 64.

    A number of 24 bits, 18 of them behind the point (webrtc.googlesource.com: abs-send-time).
    """
    return (int(now * (1 << 18)) & 0xFFFFFF).to_bytes(3)
