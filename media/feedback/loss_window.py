"""What share of packets a receiver lost, over a time that means something."""

from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple

from media.rtp.rtcp import ReportBlock

# Reports come each second; beside a NACK they come each few milliseconds, about few packets.
WINDOW_SECONDS = 0.9
LEAST_PACKETS = 10
# Of a picture that pauses, the last losses are told when it goes on: they say nothing of the line by then.
STALE_SECONDS = 3.0


class LostPackets(NamedTuple):
    """`lost` of the `expected` packets of the stream `ssrc`, of which `first` is the lowest number.

    `seconds` is the time from report to report.
    """

    lost: int
    expected: int
    ssrc: int
    first: int
    seconds: float

    @property
    def share(self) -> float:
        return self.lost / self.expected


class LossWindow:
    """Counts by receiver reports (RFC 3550 6.4.1). `now` is in seconds of a steady clock."""

    __slots__ = ("_began",)

    def __init__(self) -> None:
        # by SSRC: when, the highest sequence number, and packets lost
        self._began: dict[int, tuple[float, int, int]] = {}

    def take(self, blocks: Iterable[ReportBlock], now: float) -> list[LostPackets]:
        """What each stream has lost since its last result, if it is time for one."""
        results = []
        for block in blocks:
            present = now, block.highest_sequence, block.packets_lost
            since, highest, lost = self._began.setdefault(block.ssrc, present)
            expected = block.highest_sequence - highest
            if now - since >= WINDOW_SECONDS and not 0 <= expected < LEAST_PACKETS:
                self._began[block.ssrc] = present
                expected = max(expected, 1)
                lost = min(max(block.packets_lost - lost, 0), expected)
                results.append(LostPackets(lost, expected, block.ssrc, highest + 1, now - since))
        return results


def worst(results: Iterable[LostPackets]) -> LostPackets | None:
    """What the stream lost that lost most; None: no stream says something of the line by now."""
    lately = (each for each in results if each.seconds <= STALE_SECONDS)
    return max(lately, key=attrgetter("share"), default=None)
