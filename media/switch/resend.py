"""Retransmits a packet that one viewer lost: as RTX (RFC 4588), or unchanged."""

from media.rtp.extensions import extension_block, map_extensions, send_time
from media.rtp.libsrtp import SrtpError
from media.rtp.packet import RtpPacket, build_header
from media.rtp.rtx import RtxError
from media.rtp.run import Run
from media.switch.viewer import Viewer
from media.switch.wire import Wire


def resend(viewer: Viewer, run: Run, offset: int, shift: int, now: float) -> bool:
    """Retransmit the packet of a run of one that `viewer` was sent with this offset and shift.

    False if that is impossible. Without an RTX stream the datagram equals the first one, byte for byte: only
    then may its SRTP index be used again. It is what `PacketHistory` holds under the index. `now` is in
    seconds of a steady clock.
    """
    wire = viewer.forms[run.track]
    assert wire is not None
    stream = viewer.rtx[run.track]
    index, packet = run.first - offset, run.packet(0)
    timestamp = run.timestamps()[0] + shift & 0xFFFFFFFF
    try:
        if stream is None:
            assert wire.sent_at is None  # the first one has told another time
            ssrc = wire.ssrc or run.ssrc
            block = extension_block(map_extensions(packet.extensions, wire.extensions))
            header = build_header(packet, wire.payload_type, index & 0xFFFF, timestamp, ssrc, block)
            datagram = viewer.sender.protect_again(ssrc, index, header, packet.payload)
        else:
            block = _rtx_extensions(packet, wire, viewer, now)
            index, header, payload = stream.wrap(packet, index & 0xFFFF, timestamp, block)
            datagram = viewer.sender.protect(stream.ssrc, index, header, payload)
    except (SrtpError, RtxError):  # too old for libsrtp's window, or never sent; wrong padding
        return False
    viewer.resent_octets += run.octets
    viewer.transmit(datagram, len(datagram), viewer.address)
    return True


def _rtx_extensions(packet: RtpPacket, wire: Wire, viewer: Viewer, now: float) -> bytes:
    """The publisher's, and our own: the viewer's delay takes the place of the publisher's."""
    elements = [*map_extensions(packet.extensions, wire.extensions)]
    if viewer.playout_delay is not None and wire.playout_delay is not None:
        elements = [each for each in elements if each[0] != wire.playout_delay]
        elements.append((wire.playout_delay, viewer.playout_delay.value()))
    if wire.sent_at is not None:
        elements.append((wire.sent_at, send_time(now)))
    return extension_block(elements)
