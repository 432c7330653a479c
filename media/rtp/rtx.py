"""Retransmission in a separate stream (RFC 4588), multiplexed by SSRC (section 5.3)."""

from msgspec.structs import replace

from media.rtp.packet import RtpPacket, build_header
from media.rtp.padding import without_padding

PADDING_BYTES = 255  # the most that one packet can have (RFC 3550 5.1)
_OSN_SIZE = 2
_PADDED = RtpPacket(True, False, 0, 0, 0, 0, (), b"")


class RtxError(ValueError):
    """A packet that cannot be retransmitted, or a retransmission without an original."""


class RtxStream:
    """The retransmission stream of one track towards one viewer.

    `next_index` is the 48-bit index of its next packet. A new stream starts at a small index, where the
    viewer's rollover counter is 0.
    """

    __slots__ = ("next_index", "payload_type", "ssrc")

    def __init__(self, ssrc: int, payload_type: int, first: int) -> None:
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.next_index = first

    def wrap(
        self, packet: RtpPacket, sequence: int, timestamp: int, extension_block: bytes
    ) -> tuple[int, bytes, bytes]:
        """Index, header and payload of the retransmission of `packet` (section 4).

        `sequence`, `timestamp` and `extension_block` are those that the viewer got with the original.
        Raises `RtxError` for a packet with wrong padding.
        """
        payload = _without_padding(packet)
        bare = replace(packet, padding=False) if packet.padding else packet
        index = self.next_index
        self.next_index = index + 1
        header = build_header(bare, self.payload_type, index & 0xFFFF, timestamp, self.ssrc, extension_block)
        return index, header, sequence.to_bytes(_OSN_SIZE) + payload

    def padding(self, octets: int, extension_block: bytes) -> tuple[int, bytes, bytes]:
        """Index, header and payload of a packet of nothing but padding: 1 to `PADDING_BYTES` octets."""
        index = self.next_index
        self.next_index = index + 1
        header = build_header(_PADDED, self.payload_type, index & 0xFFFF, 0, self.ssrc, extension_block)
        return index, header, bytes(octets - 1) + bytes((octets,))


def unwrap(packet: RtpPacket, payload_type: int, ssrc: int) -> RtpPacket:
    """The original of a retransmission, under its own payload type (the `apt`, section 8.1) and SSRC.

    Raises `RtxError` for a packet without an original: senders probe the bandwidth with padding only.
    """
    payload = _without_padding(packet)
    if len(payload) < _OSN_SIZE:
        raise RtxError("no original sequence number")
    return RtpPacket(
        padding=False,
        marker=packet.marker,
        payload_type=payload_type,
        sequence=int.from_bytes(payload[:_OSN_SIZE]),
        timestamp=packet.timestamp,
        ssrc=ssrc,
        extensions=packet.extensions,
        payload=payload[_OSN_SIZE:],
    )


def _without_padding(packet: RtpPacket) -> bytes:
    """Section 4: the original's padding is not retransmitted; a retransmission may have padding itself."""
    payload = packet.payload
    if not packet.padding:
        return payload
    bare = without_padding(payload)
    if bare is None:
        raise RtxError("wrong padding")
    return bare
