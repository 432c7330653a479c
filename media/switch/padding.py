"""Packets of nothing but padding, among a viewer's retransmissions: to learn what its line carries."""

from media.rtp.libsrtp import SrtpError
from media.rtp.rtx import PADDING_BYTES
from media.switch.laid_burst import MAX_SEGMENTS
from media.switch.packet_header import SentAt
from media.switch.viewer import Viewer
from media.switch.wire import Wire


def can_pad(viewer: Viewer) -> bool:
    """Whether the viewer has a stream of retransmissions: it does not show what comes there as padding."""
    return any(stream is not None for stream in viewer.rtx)


def pad(viewer: Viewer, octets: float, sent_at: SentAt) -> int:
    """Send whole packets, or one smaller packet, up to `octets`; returns the octets that were sent."""
    place = next((n for n, stream in enumerate(viewer.rtx) if stream is not None), None)
    size = min(int(octets), PADDING_BYTES)
    if place is None or size < 1:
        return 0
    stream, wire = viewer.rtx[place], viewer.forms[place]
    assert stream is not None
    assert wire is not None
    datagrams = []
    for _ in range(min(int(octets / size), MAX_SEGMENTS)):
        index, header, payload = stream.padding(size, _block(wire, sent_at))
        try:
            datagrams.append(viewer.sender.protect(stream.ssrc, index, header, payload))
        except SrtpError:
            break
    if datagrams:
        viewer.transmit(b"".join(datagrams), len(datagrams[0]), viewer.address)
    return len(datagrams) * size


def _block(wire: Wire, sent_at: SentAt) -> bytes:
    return b"" if wire.sent_at is None else sent_at.alone(wire.sent_at)
