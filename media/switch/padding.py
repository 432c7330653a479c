"""Packets of nothing but padding, among a viewer's retransmissions: to learn what its line carries."""

from collections.abc import Callable, Iterable

from media.rtp.extensions import extension_block, send_time
from media.rtp.libsrtp import SrtpError
from media.rtp.rtx import PADDING_BYTES
from media.rtp.run import MOST_PACKETS
from media.switch.viewer import Viewer
from media.switch.wire import Wire


def can_pad(viewer: Viewer) -> bool:
    """Whether the viewer has a stream of retransmissions: it does not show what comes there as padding."""
    return any(stream is not None for stream in viewer.rtx)


def can_number(viewer: Viewer) -> bool:
    """Whether the viewer tells when each packet of a train came."""
    return _place(viewer, lambda wire: wire.number is not None) is not None


def pad(viewer: Viewer, octets: float, now: float, number: Callable[[int], int] | None = None) -> int:
    """Send whole packets, or one smaller packet, up to `octets`; returns the octets that were sent.

    `number` gives the first of so many transport-wide numbers, for a receiver that tells when each came.
    `now` is in seconds of a steady clock.
    """
    size = min(int(octets), PADDING_BYTES)
    if size < 1:
        return 0
    count = min(int(octets / size), MOST_PACKETS)
    if number is not None:
        return send_train(viewer, number(count), count, size, now)
    place = _place(viewer, lambda wire: wire.sent_at is not None)  # a receiver judges its line by these
    if place is None:
        place = _place(viewer, lambda _: True)
    return _send(viewer, place, size, [None] * count, now)


def send_train(viewer: Viewer, first: int, count: int, size: int, now: float) -> int:
    """Send `count` packets of `size` octets at once, numbered from `first` on; returns the octets sent."""
    place = _place(viewer, lambda wire: wire.number is not None)
    return _send(viewer, place, size, range(first, first + count), now)


def _place(viewer: Viewer, suits: Callable[[Wire], bool]) -> int | None:
    """The first track with a stream of retransmissions whose wire suits: sound may have one, too."""
    tracks = enumerate(zip(viewer.rtx, viewer.forms, strict=True))
    return next((n for n, (stream, wire) in tracks if stream is not None and wire and suits(wire)), None)


def _send(viewer: Viewer, place: int | None, size: int, numbers: Iterable[int | None], now: float) -> int:
    if place is None:
        return 0
    stream, wire = viewer.rtx[place], viewer.forms[place]
    assert stream is not None
    assert wire is not None
    datagrams = []
    for number in numbers:
        index, header, payload = stream.padding(size, _block(wire, number, now))
        try:
            datagrams.append(viewer.sender.protect(stream.ssrc, index, header, payload))
        except SrtpError:
            break
    if datagrams:
        viewer.transmit(b"".join(datagrams), len(datagrams[0]), viewer.address)
    return len(datagrams) * size


def _block(wire: Wire, number: int | None, now: float) -> bytes:
    elements = [] if wire.sent_at is None else [(wire.sent_at, send_time(now))]
    if number is not None:
        assert wire.number is not None
        elements.append((wire.number, (number & 0xFFFF).to_bytes(2)))
    return extension_block(elements)
