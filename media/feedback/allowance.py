"""How often somebody may do something: a token bucket."""


class Allowance:
    """`rate` a second in the long run, and `burst` at once. `now` is in seconds of a steady clock."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = self._left = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Whether it may be done once more at `now`; if so, it counts."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
