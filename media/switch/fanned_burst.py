"""A burst on its way to the viewers that are sent to in one call: see `FanOut`."""

from collections.abc import Callable, Sequence

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
        "_latest",
        "_latest_fan_out",
        "_latest_numbers",
        "_latest_targets",
        "_numbers",
        "_packets",
        "_payloads",
        "_runs",
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
        self._latest: Numbering | None = None
        self._latest_numbers = b""
        self._indexes = BurstIndexes(())
        self._latest_fan_out: FanOut | None = None
        self._latest_targets: list[Target] = []

    def add(
        self, viewer: Viewer, fan_out: FanOut, indexes_for: Callable[[tuple[int, ...]], BurstIndexes]
    ) -> None:
        """Let `send` send to a viewer, too, unless an index of its would serve twice: its sender counts that.

        `indexes_for` tells a viewer's indexes of these packets from its offsets.
        """
        numbering = viewer.offsets, viewer.shifts
        if numbering != self._latest:  # nearly all have the same
            self._latest, self._indexes = numbering, indexes_for(viewer.offsets)
            self._latest_numbers = self._numbers_for(numbering)
        try:
            cipher = viewer.sender.lend(fan_out.cipher, self._indexes)
        except SpentError:
            return
        if fan_out is not self._latest_fan_out:
            self._latest_fan_out = fan_out
            self._latest_targets = self._targets.setdefault(fan_out, [])
        self._latest_targets.append((cipher, viewer.address, self._latest_numbers))

    def send(self) -> None:
        """Send to all that were added since the last call."""
        for fan_out, targets in self._targets.items():
            fan_out.send(self._headers, self._payloads, self._runs, targets)
        self._targets = {}
        self._latest_fan_out = None

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
