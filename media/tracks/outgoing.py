"""A packet on its way to viewers, in the room's numbering."""

from msgspec import Struct

from media.rtp.packet import RtpPacket


class Outgoing(Struct, frozen=True, gc=False):
    """`extended` is the packet's 48-bit index in the room's numbering of `track`."""

    track: int
    ssrc: int
    extended: int
    timestamp: int
    packet: RtpPacket
