"""How far another host's clock is from our steady one, learned from readings over a network. Does no I/O."""

from math import inf

# Seconds a second by which the two clocks may drift apart: NTP slews each of them by at most half of that.
DRIFT = 0.001


class ClockOffset:
    """Bounds of the offset, which is the other clock's time minus that of the steady clock, in seconds.

    A reading that took long says little, and leaves the bounds of a better one; these widen by `DRIFT`. A
    reading outside of the bounds means that the other clock was set, or that it is another host's by now: it
    replaces all earlier ones.
    """

    def __init__(self) -> None:
        self._low, self._high = -inf, inf
        self._at = 0.0  # steady time of the last reading

    def read(self, asked: float, answered: float, time: float) -> None:
        """Take a reading: the other clock showed `time` at some moment from `asked` to `answered` on ours."""
        before_low, before_high = self.bounds(answered)
        drift = DRIFT * (answered - asked)
        low, high = time - answered - drift, time - asked + drift
        if low <= before_high and before_low <= high:
            low, high = max(low, before_low), min(high, before_high)
        self._low, self._high, self._at = low, high, answered

    def bounds(self, now: float) -> tuple[float, float]:
        """The least and the greatest offset that are possible at steady time `now`; infinite at first."""
        drift = DRIFT * max(0.0, now - self._at)
        return self._low - drift, self._high + drift
