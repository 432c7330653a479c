"""Retransmits a packet that one viewer lost: as RTX (RFC 4588), or unchanged."""

from media.rtp.extensions import PlayoutDelay, map_extensions
from media.rtp.libsrtp import SrtpError
from media.rtp.rtx import RtxError
from media.switch.laid_burst import Transmit, packet_header
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing

_OURS = -1  # our own extension: an id that no publisher can have


def resend(viewer: Viewer, packet: Outgoing, transmit: Transmit) -> bool:
    """Retransmit a packet to `viewer`; False if that is not possible any more.

    Without an RTX stream the datagram equals the first one, byte for byte: only then may its SRTP index be
    used again. Header and payload are those of the one packet that `PacketHistory` holds under the index.
    """
    wire = viewer.wires[packet.track]
    assert wire is not None
    stream = viewer.rtx[packet.track]
    try:
        if stream is None:
            index = packet.extended - viewer.offsets[packet.track]
            header = packet_header(packet, wire)
            datagram = viewer.sender.protect_again(packet.ssrc, index, header, packet.packet.payload)
        else:
            block = _rtx_extensions(packet, wire, viewer.playout_delay)
            index, header, payload = stream.wrap(
                packet.packet, packet.extended & 0xFFFF, packet.timestamp, block
            )
            datagram = viewer.sender.protect(stream.ssrc, index, header, payload)
    except (SrtpError, RtxError):  # too old for libsrtp's window, or never sent; wrong padding
        return False
    transmit(datagram, len(datagram), viewer.address)
    return True


def _rtx_extensions(packet: Outgoing, wire: Wire, delay: PlayoutDelay | None) -> bytes:
    extensions, ids = packet.packet.extensions, wire.extensions
    if delay is None or wire.playout_delay is None:
        return map_extensions(extensions, ids)
    kept = {of_publisher: own for of_publisher, own in ids.items() if own != wire.playout_delay}
    return map_extensions((*extensions, (_OURS, delay.value())), kept | {_OURS: wire.playout_delay})
