"""A burst on its way to the viewers that are sent to in one call: see `FanOut`."""

from collections.abc import Sequence

from media.switch.viewer import Numbering, Viewer
from media.tracks.outgoing import Outgoing
from media.transport.address import FanOut, Target

_NUMBERS = 10  # bytes of a packet's index and timestamp


class FannedBurst:
    """Collects viewers, and sends to all of them. `runs` are bytes and size of each datagram but the last."""

    __slots__ = ("_headers", "_numbers", "_packets", "_payloads", "_runs", "_targets")

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

    def add(self, fan_out: FanOut, cipher: object, viewer: Viewer) -> None:
        """Let `send` send to a viewer, too. `cipher` was lent for its indexes of these packets."""
        numbering = viewer.offsets, viewer.shifts
        numbers = self._numbers.get(numbering)
        if numbers is None:
            numbers = self._numbers[numbering] = self._numbers_for(numbering)
        try:
            targets = self._targets[fan_out]
        except KeyError:
            targets = self._targets[fan_out] = []
        targets.append((cipher, viewer.address, numbers))

    def send(self) -> None:
        """Send to all that were added since the last call."""
        for fan_out, targets in self._targets.items():
            fan_out.send(self._headers, self._payloads, self._runs, targets)
        self._targets = {}

    def _numbers_for(self, numbering: Numbering) -> bytes:
        """Of each packet its index, which ends with the sequence number, and its timestamp."""
        offsets, shifts = numbering
        numbers = []
        for packet in self._packets:
            index = packet.extended - offsets[packet.track]
            timestamp = packet.timestamp + shifts[packet.track] & 0xFFFFFFFF
            numbers.append((index << 32 | timestamp).to_bytes(_NUMBERS))
        return b"".join(numbers)
