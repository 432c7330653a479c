"""A source's timestamps on its publisher's clock, by its sender reports, without their errors.

Some publishers write the time of sending into a report, not that of the media: OBS is off by up to a frame
each time. So many reports make one relation.
"""

from collections import deque
from statistics import fmean, median_high

from media.rtp.sequence import signed

MAX_REPORTS = 15
NEAR_SECONDS = 0.1  # reports that are further apart do not agree
ENOUGH = 3  # reports in a row that agree with each other, and not with those before: the clock was set


class WallClock:
    """The clock of one source. Timestamps have 32 bits, and the latest report is within half their range."""

    def __init__(self, clock_rate: int) -> None:
        self._rate = clock_rate
        self._latest: int | None = None  # timestamp of the latest report, extended
        self._offsets: deque[float] = deque(maxlen=MAX_REPORTS)  # seconds at timestamp 0, by each report
        self._offset = 0.0

    def report(self, ntp: float, timestamp: int) -> None:
        """Take a sender report: the publisher's clock in seconds, and the timestamp that belongs to it."""
        self._latest = self._extended(timestamp)
        self._offsets.append(ntp - self._latest / self._rate)
        recent = list(self._offsets)[-ENOUGH:]
        if len(recent) == ENOUGH and max(recent) - min(recent) <= NEAR_SECONDS:
            self._forget_others(recent)
        middle = median_high(self._offsets)
        self._offset = fmean(one for one in self._offsets if abs(one - middle) <= NEAR_SECONDS)

    def _forget_others(self, recent: list[float]) -> None:
        """Keep `recent` alone if they contradict what held so far."""
        if abs(median_high(recent) - self._offset) > NEAR_SECONDS:
            self._offsets.clear()
            self._offsets.extend(recent)

    def seconds(self, timestamp: int) -> float | None:
        """The publisher's clock at `timestamp`; None before the first report."""
        if self._latest is None:
            return None
        return self._extended(timestamp) / self._rate + self._offset

    def _extended(self, timestamp: int) -> int:
        if self._latest is None:
            return timestamp
        return self._latest + signed(timestamp - self._latest)
