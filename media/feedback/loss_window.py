"""What share of packets a receiver lost, over a time that means something."""

from collections.abc import Iterable

from media.rtp.rtcp import ReportBlock

WINDOW_SECONDS = 0.9  # reports come each second; beside a NACK each few milliseconds, about few packets
LEAST_PACKETS = 10
MOST_STREAMS = 8  # a viewer may report of any SSRC


class LossWindow:
    """By the counts of receiver reports (RFC 3550 6.4.1). `now` is in seconds of a steady clock.

    Each stream has a window of its own: browsers report of sound and of the picture at different times.
    """

    __slots__ = ("_began",)

    def __init__(self) -> None:
        self._began: dict[int, tuple[float, int, int]] = {}  # by SSRC: when, highest number, packets lost

    def take(self, blocks: Iterable[ReportBlock], now: float) -> float | None:
        """The share since the last result, 0 to 1, of the worst stream; None: too little was sent since."""
        worst = None
        for block in blocks:
            since, highest, lost = self._began.get(block.ssrc, (now, 0, 0))
            if block.ssrc in self._began and now - since < WINDOW_SECONDS:
                continue
            expected = block.highest_sequence - highest
            if block.ssrc in self._began and expected >= LEAST_PACKETS:
                share = min(max((block.packets_lost - lost) / expected, 0.0), 1.0)
                worst = share if worst is None else max(worst, share)
            self._began[block.ssrc] = (now, block.highest_sequence, block.packets_lost)
            if len(self._began) > MOST_STREAMS:
                del self._began[next(iter(self._began))]
        return worst
