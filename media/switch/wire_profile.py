"""The viewers of a room that share a wire form: what goes to all of them, and what to one alone.

They get byte-identical headers, so a burst is laid out once, and for each viewer only the ciphertext is
written anew, in place. A run of equal sizes (the last may be shorter) leaves as one UDP GSO send; `transmit`
must have copied it when it returns.
"""

from collections.abc import Sequence

from media.rtp.extensions import PlayoutDelay, map_extensions
from media.rtp.libsrtp import SrtpError
from media.rtp.rtx import RtxError
from media.switch.laid_burst import MAX_SEGMENTS, LaidBurst, Transmit, packet_header
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing

_OURS = -1  # id of an extension that no publisher has sent


class WireProfile:
    """Payload types and header-extension ids of each track, the viewers, and what was sent to them so far."""

    def __init__(self, wires: Sequence[Wire | None]) -> None:
        self.wires = tuple(wires)
        self.viewers: list[Viewer] = []  # at the live edge
        self.behind: list[Viewer] = []  # on their way to it
        self.starts = [0] * len(wires)  # the latest of the viewers'
        self.packets = [0] * len(wires)
        self.octets = [0] * len(wires)

    def add(self, viewer: Viewer) -> None:
        """From now on `viewer` gets what is sent."""
        if viewer.behind is not None:
            self.behind.append(viewer)
            return
        self.viewers.append(viewer)
        self.starts = list(map(max, self.starts, viewer.starts))

    def remove(self, viewer: Viewer) -> None:
        (self.viewers if viewer.behind is None else self.behind).remove(viewer)

    @property
    def deserted(self) -> bool:
        return not self.viewers and not self.behind

    def sent(self, viewer: Viewer, track: int) -> tuple[int, int]:
        """Packets and payload octets of `track` sent to `viewer`, for its sender report (RFC 3550 6.4.1)."""
        return (
            self.packets[track] - viewer.base_packets[track],
            self.octets[track] - viewer.base_octets[track],
        )

    def send(self, burst: Sequence[Outgoing], buffer: memoryview, transmit: Transmit) -> None:
        """Protect `burst` for each viewer and transmit it. At most `MAX_SEGMENTS` packets a call."""
        laid = LaidBurst(burst, self.wires, buffer)
        if not laid.packets:
            return
        starts = self.starts
        late = False
        for packet in laid.packets:
            track = packet.track
            self.packets[track] += 1
            self.octets[track] += len(packet.packet.payload)
            late |= packet.extended < starts[track]
        for viewer in self.viewers:
            if late:
                self._send_due(viewer, laid, transmit)
            else:
                laid.send(viewer, transmit)
        for viewer in self.behind:
            self._send_due(viewer, laid, transmit)

    def _send_due(self, viewer: Viewer, laid: LaidBurst, transmit: Transmit) -> None:
        """Without what is from before the viewer's start, or comes to it later."""
        due = []
        for place, packet in enumerate(laid.packets):
            if viewer.was_sent(packet.track, packet.extended):
                due.append(place)
                continue
            viewer.count(packet, -1)
            if viewer.behind is not None and packet.track == viewer.behind.track:
                viewer.behind.add(packet.extended, len(packet.packet.payload), packet)
        if len(due) == len(laid.packets):
            laid.send(viewer, transmit)
        else:
            laid.send_some(viewer, due, transmit)

    def send_to(
        self, viewer: Viewer, packets: Sequence[Outgoing], buffer: memoryview, transmit: Transmit
    ) -> None:
        """Send `viewer` alone what the others were sent before."""
        for start in range(0, len(packets), MAX_SEGMENTS):
            laid = LaidBurst(packets[start : start + MAX_SEGMENTS], self.wires, buffer)
            if laid.packets:
                laid.send(viewer, transmit)
            for packet in laid.packets:
                viewer.count(packet, 1)

    def resend(self, viewer: Viewer, packet: Outgoing, transmit: Transmit) -> bool:
        """Send `viewer` a packet that it was sent before; False when that cannot be done any more.

        Without a stream for it, what goes out is what went out first, byte for byte: only so may an index
        serve again.
        """
        wire = self.wires[packet.track]
        assert wire is not None
        stream = viewer.rtx[packet.track]
        try:
            if stream is None:
                index = packet.extended - viewer.offsets[packet.track]
                header = packet_header(packet, wire)
                datagram = viewer.protect(packet.ssrc, index, header, packet.packet.payload)
            else:
                block = _rtx_extensions(packet, wire, viewer.patience)
                index, header, payload = stream.wrap(
                    packet.packet, packet.extended & 0xFFFF, packet.timestamp, block
                )
                datagram = viewer.protect(stream.ssrc, index, header, payload)
        except (SrtpError, RtxError):  # too old for libsrtp's window; wrong padding
            return False
        transmit(datagram, len(datagram), viewer.address)
        return True


def _rtx_extensions(packet: Outgoing, wire: Wire, patience: PlayoutDelay | None) -> bytes:
    extensions, ids = packet.packet.extensions, wire.extensions
    if patience is None or wire.playout_delay is None:
        return map_extensions(extensions, ids)
    kept = {of_publisher: own for of_publisher, own in ids.items() if own != wire.playout_delay}
    return map_extensions((*extensions, (_OURS, patience.value())), kept | {_OURS: wire.playout_delay})
