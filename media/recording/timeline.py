"""Places the frames of a room's tracks on one axis of time, so that lips stay in sync.

One track leads (sound, if there is any): its timestamps are the time. The others begin at their time of
arrival and then move to where the sender reports put them, slowly, so that no step is visible.
"""

from collections.abc import Sequence

SLEW = 0.1  # seconds of correction per second of media
MAX_CORRECTION = 10.0  # seconds; reports that ask for more are wrong


class _Track:
    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.anchor: int | None = None  # timestamp ...
        self.anchor_seconds = 0.0  # ... that arrived at this time
        self.latest = 0
        self.correction = 0.0
        self.wall: float | None = None  # NTP seconds of the anchor, by the latest report

    def seconds(self, timestamp: int) -> float:
        assert self.anchor is not None
        return self.anchor_seconds + (timestamp - self.anchor) / self.clock_rate


class Timeline:
    """Tracks by their numbers. `now` is in seconds of a steady clock."""

    def __init__(self, clock_rates: Sequence[int], leader: int) -> None:
        self._tracks = [_Track(rate) for rate in clock_rates]
        self._leader = self._tracks[leader]

    def seconds(self, track: int, timestamp: int, now: float) -> float:
        """When a frame that arrives at `now` plays. Only differences are meaningful."""
        one = self._tracks[track]
        if one.anchor is None:
            one.anchor, one.anchor_seconds, one.latest = timestamp, now, timestamp
        elapsed = max(0, timestamp - one.latest) / one.clock_rate
        one.latest = max(one.latest, timestamp)
        if one is not self._leader:
            most = SLEW * elapsed
            one.correction += max(-most, min(most, self._target(one) - one.correction))
        return one.seconds(timestamp) + one.correction

    def report(self, track: int, ntp_seconds: float, timestamp: int) -> None:
        """A sender report's pair: the instant, and the timestamp (32 bits) that plays at it."""
        one = self._tracks[track]
        if one.anchor is None:
            return
        ahead = timestamp - one.latest & 0xFFFFFFFF
        if ahead >= 0x80000000:
            ahead -= 0x100000000
        one.wall = ntp_seconds - (one.latest + ahead - one.anchor) / one.clock_rate

    def _target(self, one: _Track) -> float:
        """The correction that aligns `one` with the leader, by the sender reports."""
        if one.wall is None or self._leader.wall is None:
            return one.correction
        apart = one.wall - self._leader.wall
        target = apart - (one.anchor_seconds - self._leader.anchor_seconds)
        return target if abs(target) <= MAX_CORRECTION else one.correction
