"""What share of packets a receiver lost, over a time that means something."""

import math
from collections.abc import Iterable

from media.rtp.rtcp import ReportBlock

# Reports come each second; beside a NACK they come each few milliseconds, about few packets.
WINDOW_SECONDS = 0.9
LEAST_PACKETS = 10
# Of a picture that pauses, the last losses are told when it goes on: they say nothing of the line by then.
STALE_SECONDS = 3.0


class LossWindow:
    """Counts by receiver reports (RFC 3550 6.4.1). `now` is in seconds of a steady clock."""

    __slots__ = ("_began",)

    def __init__(self) -> None:
        # by SSRC: when, the highest sequence number, and packets lost
        self._began: dict[int, tuple[float, int, int]] = {}

    def take(self, blocks: Iterable[ReportBlock], now: float) -> float | None:
        """The share lost since the last result, 0 to 1, of the worst stream; None: it is too early.

        Of few packets many may be lost by chance: it is the share that is certain.
        """
        worst = None
        for block in blocks:
            present = now, block.highest_sequence, block.packets_lost
            since, highest, lost = self._began.setdefault(block.ssrc, present)
            expected = block.highest_sequence - highest
            if now - since >= WINDOW_SECONDS and not 0 <= expected < LEAST_PACKETS:
                self._began[block.ssrc] = present
                if now - since <= STALE_SECONDS:
                    share = certain_share(block.packets_lost - lost, expected)
                    worst = share if worst is None else max(worst, share)
        return worst


def certain_share(lost: float, expected: float) -> float:
    """Of few packets many may be lost by chance: the share that is certain."""
    return min(max((lost - 1.5 * math.sqrt(max(lost, 0))) / max(expected, 1), 0.0), 1.0)
