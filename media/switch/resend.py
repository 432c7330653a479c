"""Retransmits a packet that one viewer lost: as RTX (RFC 4588), or unchanged."""

from media.rtp.extensions import Extensions, PlayoutDelay, map_extensions
from media.rtp.libsrtp import SrtpError
from media.rtp.packet import build_header
from media.rtp.rtx import RtxError
from media.rtp.run import Run
from media.switch.sent_at import SentAt
from media.switch.viewer import Viewer
from media.switch.wire import Wire

_DELAY, _SENT_AT = -1, -2  # our own extensions: ids that no publisher can have


def resend(viewer: Viewer, run: Run, offset: int, shift: int, sent_at: SentAt) -> bool:
    """Retransmit the packet of a run of one that `viewer` was sent with this offset and shift.

    False if that is impossible. Without an RTX stream the datagram equals the first one, byte for byte: only
    then may its SRTP index be used again. It is what `PacketHistory` holds under the index.
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
            block = map_extensions(packet.extensions, wire.extensions)
            header = build_header(packet, wire.payload_type, index & 0xFFFF, timestamp, ssrc, block)
            datagram = viewer.sender.protect_again(ssrc, index, header, packet.payload)
        else:
            block = _rtx_extensions(packet.extensions, wire, viewer.playout_delay, sent_at)
            index, header, payload = stream.wrap(packet, index & 0xFFFF, timestamp, block)
            datagram = viewer.sender.protect(stream.ssrc, index, header, payload)
    except (SrtpError, RtxError):  # too old for libsrtp's window, or never sent; wrong padding
        return False
    viewer.resent_octets += run.octets
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
