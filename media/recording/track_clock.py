"""A track's time in its files: the room's timestamps, extended beyond 32 bits, and never far from the clock.

Timestamps come from the publisher. Without a bound, one packet could claim hours of silence to fill.
"""

from media.rtp.sequence import signed

MAX_LEAD_SECONDS = 30.0  # a publisher that was held up sends what it has kept
MAX_BACK_SECONDS = 5.0  # B-frames of one picture a second, of which each waits for two or three later ones
STOOD_SECONDS = 1.0  # by which a frame is late: more than it waits for lost packets before it
DRIFT = 0.01  # by which its clock may be faster than ours, for ever


class TrackClock:
    """Time passes as on the steady clock `now`, in seconds, plus `DRIFT`, plus at most `MAX_LEAD_SECONDS`."""

    def __init__(self, clock_rate: int) -> None:
        self._rate = clock_rate
        self._latest: int | None = None
        self._arrived = 0.0
        self._lead = MAX_LEAD_SECONDS  # that is left, in seconds
        self.pauses = 0  # after which timestamps went on where they were, or came late: nobody knows yet
        self.offset = 0  # from the room's timestamps to these, besides the extension

    def place(self, timestamp: int, now: float) -> int:
        """The extended timestamp of a frame that arrives at `now`; the first one is `timestamp` itself.

        Where a timestamp jumps too far, ahead or back, the track continues by the clock instead.
        """
        if self._latest is None:
            self._latest, self._arrived = timestamp, now
            return timestamp
        elapsed = max(0.0, now - self._arrived)
        self._arrived = max(self._arrived, now)
        step = signed(timestamp + self.offset - self._latest)
        lead = max(0, step) / self._rate - elapsed
        if lead > self._lead or step < -MAX_BACK_SECONDS * self._rate:
            by_clock = round(elapsed * self._rate)
            self.offset += by_clock - step
            step, lead = by_clock, 0.0
        self.pauses += lead < -STOOD_SECONDS
        self._lead = min(MAX_LEAD_SECONDS, self._lead - lead + DRIFT * elapsed)
        placed = self._latest + step
        self._latest = max(self._latest, placed)
        return placed
