"""What share of packets a receiver lost, over a time that means something."""

from collections.abc import Iterable
from typing import NamedTuple

from media.rtp.rtcp import ReportBlock

# Reports come each second; beside a NACK they come each few milliseconds, about few packets.
WINDOW_SECONDS = 0.9
LEAST_PACKETS = 10
# Of a picture that pauses, the last losses are told when it goes on: they say nothing of the line by then.
STALE_SECONDS = 3.0


class LostPackets(NamedTuple):
    """`lost` of the `expected` packets of the stream `ssrc`, of which `first` is the lowest number."""

    lost: int
    expected: int
    ssrc: int
    first: int


class LossWindow:
    """Counts by receiver reports (RFC 3550 6.4.1). `now` is in seconds of a steady clock."""

    __slots__ = ("_began",)

    def __init__(self) -> None:
        # by SSRC: when, the highest sequence number, and packets lost
        self._began: dict[int, tuple[float, int, int]] = {}

    def take(self, blocks: Iterable[ReportBlock], now: float) -> LostPackets | None:
        """What the worst stream has lost since its last result; None: it is too early."""
        worst: LostPackets | None = None
        for block in blocks:
            present = now, block.highest_sequence, block.packets_lost
            since, highest, lost = self._began.setdefault(block.ssrc, present)
            expected = block.highest_sequence - highest
            if now - since >= WINDOW_SECONDS and not 0 <= expected < LEAST_PACKETS:
                self._began[block.ssrc] = present
                if now - since <= STALE_SECONDS:
                    expected = max(expected, 1)
                    lost = min(max(block.packets_lost - lost, 0), expected)
                    if worst is None or lost * worst.expected > worst.lost * expected:
                        worst = LostPackets(lost, expected, block.ssrc, highest + 1)
        return worst
