"""The viewers of a room that share a wire form, and what is sent to all of them.

A wire profile is what viewers negotiated alike: payload types and header-extension ids of each track.

They get byte-identical headers, so a burst is laid out once. For each viewer only the ciphertext is written
anew, in place. A run of equal sizes (the last may be shorter) is sent by one UDP GSO call; `transmit` must
copy it before it returns.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

from media.switch.fanned_run import fan_run
from media.switch.laid_burst import LaidBurst
from media.switch.packet_header import SentAt
from media.switch.viewer import SentCounts, Viewer
from media.switch.wire import Wire
from media.tracks.held_run import HeldRun
from media.tracks.outgoing import Outgoing


class WireProfile:
    """The wires of each track, the viewers that share them, and counts of what was sent to those."""

    def __init__(self, wires: Sequence[Wire | None]) -> None:
        self.wires = tuple(wires)
        self.viewers: list[Viewer] = []  # at the live edge, with the numbers of the room; ...
        self.patched: list[Viewer] = []  # ... or with numbers of their own
        self.behind: list[Viewer] = []  # on their way to the live edge
        self.starts = [0] * len(wires)  # by track, the latest start of a viewer at the live edge
        self.counts = SentCounts([0] * len(wires), [0] * len(wires))

    def __iter__(self) -> Iterator[Viewer]:
        return chain(self.viewers, self.patched, self.behind)

    def add(self, viewer: Viewer) -> None:
        """Send to `viewer` from now on."""
        self._place_of(viewer).append(viewer)
        if viewer.behind is None:
            self.starts = list(map(max, self.starts, viewer.starts))

    def remove(self, viewer: Viewer) -> None:
        self._place_of(viewer).remove(viewer)

    def _place_of(self, viewer: Viewer) -> list[Viewer]:
        if viewer.behind is not None:
            return self.behind
        return self.patched if viewer.patched else self.viewers

    @property
    def deserted(self) -> bool:
        return not self.viewers and not self.patched and not self.behind

    def send(self, burst: Sequence[Outgoing], buffer: memoryview, sent_at: SentAt) -> None:
        """Protect `burst` for each viewer and transmit it. It has at most `MAX_SEGMENTS` packets."""
        fan_out = self.viewers[0].fan_out if self.viewers else None
        laid = LaidBurst(burst, self.wires, buffer, sent_at, None if fan_out is None else fan_out.lay)
        if not laid.packets:
            return
        late = False
        for track, count, octets, earliest in laid.parts:
            self.counts.packets[track] += count
            self.counts.octets[track] += octets
            late |= earliest < self.starts[track]
        for viewers in (self.viewers, self.patched):  # the patched ones write into the headers
            if not late:
                if viewers:
                    laid.send(viewers)
                continue
            for viewer in viewers:
                self._send_due(viewer, laid)
        for viewer in self.behind:
            self._send_due(viewer, laid)
        laid.flush()

    def send_run(self, run: HeldRun[Outgoing], buffer: memoryview, sent_at: SentAt) -> None:
        """`send` the packets of a run. No packet is made if neither the run nor a viewer is unusual."""
        track, wire = run.track, self.wires[run.track]
        if wire is None:
            return
        if run.first < self.starts[track] or run.packets.has_any(wire.extensions):
            self.send(run.items(), buffer, sent_at)
            return
        self.counts.packets[track] += len(run)
        self.counts.octets[track] += run.packets.octets
        block = b"" if wire.sent_at is None else sent_at.alone(wire.sent_at)
        others = fan_run(run, wire, block, chain(self.viewers, self.patched))
        if others or self.behind:
            laid = LaidBurst(run.items(), self.wires, buffer, sent_at)
            laid.send(others)
            for viewer in self.behind:
                self._send_due(viewer, laid)
            laid.flush()

    def _send_due(self, viewer: Viewer, laid: LaidBurst) -> None:
        """Send all but packets before the viewer's start, and those that wait in its join burst."""
        due = []
        for place, packet in enumerate(laid.packets):
            if viewer.was_sent(packet.track, packet.extended):
                due.append(place)
                continue
            viewer.count(packet, -1)
            if viewer.behind is not None and packet.track == viewer.behind.track:
                viewer.behind.add(packet.extended, len(packet.packet.payload), packet)
        if len(due) == len(laid.packets):
            laid.send((viewer,))
        else:
            laid.send_some(viewer, due)
