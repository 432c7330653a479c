"""The RTP header of a packet on a viewer's wire."""

from collections.abc import Sequence

from media.rtp.extensions import add_element, map_extensions, send_time
from media.rtp.packet import build_header
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing


class SentAt:
    """When packets are sent, as their receivers are told, in the form of each wire.

    It is made once for a burst, and what is the same for all of its packets is built once, if some viewer is
    told. `now` is in seconds of a steady clock.
    """

    __slots__ = ("_alone", "_now", "_value")

    def __init__(self, now: float) -> None:
        self._now = now
        self._value = b""
        self._alone: dict[int, bytes] = {}

    @property
    def value(self) -> bytes:
        """Of the element."""
        self._value = self._value or send_time(self._now)
        return self._value

    def alone(self, number: int) -> bytes:
        """The extension block that has this element only, under the id `number`."""
        block = self._alone.get(number)
        if block is None:
            block = self._alone[number] = add_element((), {}, number, self.value)
        return block


def packet_header(outgoing: Outgoing, wire: Wire, sent_at: SentAt) -> bytes:
    """The header as the viewers of a profile get it, unless their numbers are patched.

    Without `wire.sent_at` it is the same in each call: a retransmission must equal the original.
    """
    packet = outgoing.packet
    if wire.sent_at is None:
        block = map_extensions(packet.extensions, wire.extensions) if packet.extensions else b""
    elif packet.extensions:
        block = add_element(packet.extensions, wire.extensions, wire.sent_at, sent_at.value)
    else:
        block = sent_at.alone(wire.sent_at)
    sequence = outgoing.extended & 0xFFFF
    ssrc = wire.ssrc or outgoing.ssrc
    return build_header(packet, wire.payload_type, sequence, outgoing.timestamp, ssrc, block)


def packet_headers(packets: Sequence[Outgoing], wire: Wire, sent_at: SentAt) -> list[bytes]:
    """`packet_header` of each, which are of one track."""
    if any([packet.packet.extensions for packet in packets]):  # noqa: C419  # a generator costs more
        return [packet_header(packet, wire, sent_at) for packet in packets]
    block = b"" if wire.sent_at is None else sent_at.alone(wire.sent_at)
    payload_type, ssrc = wire.payload_type, wire.ssrc
    return [
        build_header(
            packet.packet,
            payload_type,
            packet.extended & 0xFFFF,
            packet.timestamp,
            ssrc or packet.ssrc,
            block,
        )
        for packet in packets
    ]


def numbered(header: bytes, packet: Outgoing, offset: int, shift: int) -> bytes:
    """The header with the numbers of a viewer that has this offset and shift: see `Viewer`."""
    if not (offset & 0xFFFF or shift):
        return header
    sequence = packet.extended - offset & 0xFFFF
    timestamp = packet.timestamp + shift & 0xFFFFFFFF
    return header[:2] + sequence.to_bytes(2) + timestamp.to_bytes(4) + header[8:]
