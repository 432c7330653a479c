"""The viewers that get one track in one form, and what is sent to all of them.

A wire profile is what viewers negotiated alike for a track: its payload type and header-extension ids. They
get the same headers, so a run is laid out once: see `FanOut`.
"""

from collections.abc import Iterable
from itertools import groupby

from media.rtp.libsrtp import SrtpError
from media.rtp.run import Form, Run, between, id_table
from media.switch.viewer import SentCount, Viewer
from media.switch.wire import Wire
from media.transport.address import FanOut, Target, numbers


class WireProfile:
    """The viewers that get a track in the form of `wire`, and a count of what was sent to them."""

    def __init__(self, track: int, wire: Wire) -> None:
        self.track = track
        self.wire = wire
        self._form = Form(
            wire.payload_type, wire.ssrc or 0, id_table(wire.extensions), wire.sent_at or 0, b""
        )  # without when it is sent
        self.viewers: list[Viewer] = []  # at the live edge
        self.behind: list[Viewer] = []  # on their way there
        self.start = 0  # the latest one of a viewer at the live edge
        self.count = SentCount()

    def add(self, viewer: Viewer) -> None:
        """Send to `viewer` from now on."""
        self._place_of(viewer).append(viewer)
        if not viewer.is_behind(self.track):
            self.start = max(self.start, viewer.starts[self.track])

    def remove(self, viewer: Viewer) -> None:
        self._place_of(viewer).remove(viewer)

    def _place_of(self, viewer: Viewer) -> list[Viewer]:
        return self.behind if viewer.is_behind(self.track) else self.viewers

    @property
    def deserted(self) -> bool:
        return not self.viewers and not self.behind

    def send(self, run: Run, sent_at: bytes) -> None:
        """Send a run to each viewer, but for what lies before its start, or waits in its join burst.

        `sent_at` is what a viewer is told of when that is: see `send_time`.
        """
        self.count.packets += len(run)
        self.count.octets += run.octets
        if run.first >= self.start:
            self._fan(run, self.viewers, sent_at)
        else:
            for viewer in self.viewers:
                self._send_due(run, viewer, sent_at)
        for viewer in self.behind:
            self._send_due(run, viewer, sent_at)

    def send_held(self, runs: Iterable[Run], viewer: Viewer, sent_at: bytes) -> None:
        """Send `viewer` alone what the other viewers got earlier."""
        for run in runs:
            self._fan(run, (viewer,), sent_at)
            viewer.count(run, 1)

    def _send_due(self, run: Run, viewer: Viewer, sent_at: bytes) -> None:
        indexes = range(run.first, run.first + len(run))
        for due, same in groupby(indexes, lambda index: viewer.was_sent(self.track, index)):
            first, *others = same
            part = between(run, first, first + 1 + len(others))
            if due:
                self._fan(part, (viewer,), sent_at)
                continue
            viewer.count(part, -1)
            if viewer.behind is not None and viewer.is_behind(self.track):
                viewer.behind.add(part)

    def _fan(self, run: Run, viewers: Iterable[Viewer], sent_at: bytes) -> None:
        """The hot loop over the viewers.

        A viewer of which an index would serve twice is left out, and its sender counts that.
        """
        track, first, count = self.track, run.first, len(run)
        form = self._form._replace(value=sent_at) if self.wire.sent_at else self._form
        ssrc = form.ssrc or run.ssrc
        targets: dict[FanOut, list[Target]] = {}
        latest: FanOut | None = None
        of_latest: list[Target] = []
        offset, shift = 0, 0  # of the latest viewer; nearly all have the same
        own_first, own = first, numbers(first, shift)
        for viewer in viewers:
            fan_out = viewer.fan_out
            if viewer.offsets[track] != offset or viewer.shifts[track] != shift:
                offset, shift = viewer.offsets[track], viewer.shifts[track]
                own_first = first - offset
                own = numbers(own_first, shift)
            try:
                cipher = viewer.sender.lend(fan_out.cipher, ssrc, own_first, own_first + count)
            except SrtpError:
                continue
            if fan_out is not latest:
                latest, of_latest = fan_out, targets.setdefault(fan_out, [])
            of_latest.append((cipher, viewer.address, own))
        for fan_out, those in targets.items():
            fan_out.send(run, form, those)
