"""Application-defined RTCP (RFC 3550 6.7). Its meaning is up to the two ends that agree on its name."""

import struct
from dataclasses import dataclass

KIND = 204
_HEADER = struct.Struct("!BBHI4s")
_START = struct.Struct("!I4s")


@dataclass(frozen=True, slots=True)
class App:
    """`name` is four bytes of ASCII; `data` is a whole number of 32-bit words."""

    ssrc: int
    name: bytes
    data: bytes


def parse_app(body: bytes, _subtype: int) -> App:
    """What follows the common header of 32 bits. Raises `struct.error` if it is too short."""
    ssrc, name = _START.unpack_from(body)
    return App(ssrc, name, body[_START.size :])


def app(packet: App) -> bytes:
    """An APP packet of subtype 0."""
    words = 2 + len(packet.data) // 4
    return _HEADER.pack(0x80, KIND, words, packet.ssrc, packet.name) + packet.data
