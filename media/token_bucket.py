"""A token bucket: how often something may be done."""


class TokenBucket:
    """`rate` times a second on average, `burst` times at once. `now` is in seconds of a steady clock."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = self._left = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Whether it may be done once more at `now`. If so, it is counted."""
        if self.left(now) < 1:
            return False
        self.spend(1)
        return True

    def left(self, now: float) -> float:
        """How many times it may be done at `now`; negative while more was spent than there was."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left

    def spend(self, count: float) -> None:
        """Count it as done `count` times, even if that is more than is left."""
        self._left -= count
