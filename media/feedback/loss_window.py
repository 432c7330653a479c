"""What share of packets a receiver lost, over a time that means something."""

from collections.abc import Iterable

from media.rtp.rtcp import ReportBlock

WINDOW_SECONDS = (
    0.9  # reports come each second; beside a NACK they come each few milliseconds, about few packets
)
LEAST_PACKETS = 10
MOST_STREAMS = 16  # more than anybody is sent: a viewer may report on whatever it likes


class LossWindow:
    """Of the worst stream, by the counts of receiver reports (RFC 3550 6.4.1). `now` is of a steady clock."""

    __slots__ = ("_began", "_since")

    def __init__(self) -> None:
        self._began: dict[int, tuple[int, int]] = {}  # by SSRC: highest sequence number, and packets lost
        self._since = 0.0

    def take(self, blocks: Iterable[ReportBlock], now: float) -> float | None:
        """The share since the last result, 0 to 1; None: the time was too short."""
        is_over = now - self._since >= WINDOW_SECONDS
        worst = None
        for block in blocks:
            began = self._began.get(block.ssrc)
            if began is None:
                if len(self._began) < MOST_STREAMS:
                    self._began[block.ssrc] = (block.highest_sequence, block.packets_lost)
                continue
            if not is_over:
                continue
            self._began[block.ssrc] = (block.highest_sequence, block.packets_lost)
            expected = block.highest_sequence - began[0]
            if expected >= LEAST_PACKETS:
                share = min(max((block.packets_lost - began[1]) / expected, 0.0), 1.0)
                worst = share if worst is None else max(worst, share)
        if is_over:
            self._since = now
        return worst
