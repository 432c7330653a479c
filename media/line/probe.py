"""Whether a line carries more: a rate that rises, filled up with padding."""

import math

HELD_SECONDS = 0.3  # without a sign of congestion: until it would have come

# Doublings: slow at first, since a line that has not changed ends just above the start, then faster and faster.
_SLOW, _FASTER = 0.4, 0.15  # times the seconds, and their cube
_SLOW_RATE = 300_000.0  # below that slower still: a receiver learns from packets, and there are few
_SLOWEST = 0.3
_AHEAD_SECONDS = 0.3  # of the last word of the receiver, which sends one each 0.2 s
_LONGEST_SECONDS = 10.0


class Probe:
    """From `start` to `goal`, in bit/s with all that is sent. `now` is in seconds of a steady clock."""

    __slots__ = ("_goal", "_start", "_started_at")

    def __init__(self, start: float, goal: float, now: float) -> None:
        self._start = min(start, goal)
        self._goal = goal
        self._started_at = now

    def level(self, now: float, vouched_at: float) -> float:
        """What to send now. The receiver said at `vouched_at` that all came through."""
        return self._at(min(now, max(vouched_at, self._started_at) + _AHEAD_SECONDS))

    def held(self, vouched_at: float) -> float:
        """What the line is known to carry; 0 at first."""
        return self._at(vouched_at - HELD_SECONDS) if vouched_at >= self._started_at + HELD_SECONDS else 0.0

    def is_over(self, vouched_at: float) -> bool:
        return self.held(vouched_at) >= self._goal

    def _at(self, now: float) -> float:
        seconds = min(max(0.0, now - self._started_at), _LONGEST_SECONDS)
        slow = _SLOW * min(1.0, max(_SLOWEST, self._start / _SLOW_RATE))
        return min(self._goal, self._start * math.exp2((slow + _FASTER * seconds**2) * seconds))
