"""Retransmits a packet that one viewer lost: as RTX (RFC 4588), or unchanged."""

from media.rtp.extensions import Extensions, PlayoutDelay, map_extensions
from media.rtp.libsrtp import SrtpError
from media.rtp.rtx import RtxError
from media.switch.packet_header import SentAt, numbered, packet_header
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing

_DELAY, _SENT_AT = -1, -2  # our own extensions: ids that no publisher can have


def resend(viewer: Viewer, packet: Outgoing, offset: int, shift: int, sent_at: SentAt) -> bool:
    """Retransmit a packet that `viewer` was sent with this offset and shift; False if that is impossible.

    Without an RTX stream the datagram equals the first one, byte for byte: only then may its SRTP index be
    used again. Header and payload are those of the one packet that `PacketHistory` holds under the index.
    """
    wire = viewer.forms[packet.track]
    assert wire is not None
    stream = viewer.rtx[packet.track]
    own_index = packet.extended - offset
    try:
        if stream is None:
            header = numbered(packet_header(packet, wire, sent_at), packet, offset, shift)
            ssrc = wire.ssrc or packet.ssrc
            datagram = viewer.sender.protect_again(ssrc, own_index, header, packet.packet.payload)
        else:
            block = _rtx_extensions(packet.packet.extensions, wire, viewer.playout_delay, sent_at)
            timestamp = packet.timestamp + shift & 0xFFFFFFFF
            index, header, payload = stream.wrap(packet.packet, own_index & 0xFFFF, timestamp, block)
            datagram = viewer.sender.protect(stream.ssrc, index, header, payload)
    except (SrtpError, RtxError):  # too old for libsrtp's window, or never sent; wrong padding
        return False
    viewer.resent_octets += len(packet.packet.payload)
    viewer.transmit(datagram, len(datagram), viewer.address)
    return True


def _rtx_extensions(extensions: Extensions, wire: Wire, delay: PlayoutDelay | None, sent_at: SentAt) -> bytes:
    ids = dict(wire.extensions)
    if delay is not None and wire.playout_delay is not None:
        ids = {of_publisher: own for of_publisher, own in ids.items() if own != wire.playout_delay}
        ids[_DELAY] = wire.playout_delay
        extensions = (*extensions, (_DELAY, delay.value()))
    if wire.sent_at is not None:
        ids[_SENT_AT] = wire.sent_at
        extensions = (*extensions, (_SENT_AT, sent_at.value))
    return map_extensions(extensions, ids)
