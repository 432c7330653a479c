"""A burst on its way to the viewers that are sent to in one call: see `FanOut`."""

from collections.abc import Callable, Iterable, Sequence

from media.rtp.srtp_sender import BurstIndexes, SpentError
from media.switch.viewer import Numbering, Viewer
from media.tracks.outgoing import Outgoing
from media.transport.address import FanOut, Target

_NUMBERS = 10  # bytes of a packet's index and timestamp


class FannedBurst:
    """Collects viewers, and sends to all of them. `runs` are bytes and size of each datagram but the last."""

    __slots__ = (
        "_headers",
        "_indexes",
        "_latest_numbers",
        "_numbers",
        "_offsets",
        "_packets",
        "_payloads",
        "_runs",
        "_shifts",
        "_targets",
    )

    def __init__(
        self,
        packets: Sequence[Outgoing],
        headers: Sequence[bytes],
        payloads: Sequence[bytes],
        runs: Sequence[tuple[int, int]],
    ) -> None:
        self._packets, self._headers, self._payloads, self._runs = packets, headers, payloads, runs
        self._numbers: dict[Numbering, bytes] = {}
        self._targets: dict[FanOut, list[Target]] = {}
        # of the viewer that was added last
        self._offsets: tuple[int, ...] | None = None
        self._shifts: tuple[int, ...] = ()
        self._latest_numbers = b""
        self._indexes = BurstIndexes(())

    def add(
        self, viewers: Iterable[Viewer], indexes_for: Callable[[tuple[int, ...]], BurstIndexes]
    ) -> list[Viewer]:
        """Let `send` send to these viewers, too, but not to those that have no `fan_out`: it returns them.

        `indexes_for` tells a viewer's indexes of these packets from its offsets. A viewer of which one would
        serve twice is left out, and its sender counts that. The hot loop over the viewers: it makes one call
        for each, because each takes a tenth of what the packets cost.
        """
        offsets, shifts, indexes, numbers = self._offsets, self._shifts, self._indexes, self._latest_numbers
        others: list[Viewer] = []
        latest: FanOut | None = None
        targets: list[Target] = []
        for viewer in viewers:
            fan_out = viewer.fan_out
            if fan_out is None:
                others.append(viewer)
                continue
            if viewer.offsets != offsets or viewer.shifts != shifts:  # nearly all have the same
                offsets, shifts = viewer.offsets, viewer.shifts
                indexes = indexes_for(offsets)
                numbers = self._numbers_for((offsets, shifts))
            try:
                cipher = viewer.sender.lend(fan_out.cipher, indexes)
            except SpentError:
                continue
            if fan_out is not latest:
                latest = fan_out
                targets = self._targets.setdefault(fan_out, [])
            targets.append((cipher, viewer.address, numbers))
        self._offsets, self._shifts, self._indexes, self._latest_numbers = offsets, shifts, indexes, numbers
        return others

    def send(self) -> None:
        """Send to all that were added since the last call."""
        for fan_out, targets in self._targets.items():
            fan_out.send(self._headers, self._payloads, self._runs, targets)
        self._targets = {}

    def _numbers_for(self, numbering: Numbering) -> bytes:
        """Of each packet its index, which ends with the sequence number, and its timestamp."""
        if (made := self._numbers.get(numbering)) is not None:
            return made
        offsets, shifts = numbering
        numbers = []
        for packet in self._packets:
            index = packet.extended - offsets[packet.track]
            timestamp = packet.timestamp + shifts[packet.track] & 0xFFFFFFFF
            numbers.append((index << 32 | timestamp).to_bytes(_NUMBERS))
        joined = self._numbers[numbering] = b"".join(numbers)
        return joined
