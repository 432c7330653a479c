"""A packet on its way out, in the numbers of its room."""

from msgspec import Struct

from media.rtp.packet import RtpPacket


class Outgoing(Struct, frozen=True, gc=False):
    """A packet on its way out: `extended` is its 48-bit index in the room's numbering of `track`."""

    track: int
    ssrc: int
    extended: int
    timestamp: int
    packet: RtpPacket
