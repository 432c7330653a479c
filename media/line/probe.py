"""Whether a line carries more: a rate that rises, filled up with padding."""

import math
from collections import deque

HELD_SECONDS = 0.3  # without a sign of congestion: until it would have come

# A receiver says 0.3 to 0.4 s too late that a line is full: by then the rate may be a fifth too high.
DOUBLINGS = 0.7  # a second
_AHEAD_SECONDS = 0.3  # of the last word of the receiver: most send one each 0.2 s
_KEPT_SECONDS = 3.0
_LONGEST_SECONDS = 10.0


class Probe:
    """From `start` to `goal`, in bit/s with all that is sent. `now` is in seconds of a steady clock."""

    __slots__ = ("_goal", "_levels", "_risen", "_start", "level")

    def __init__(self, start: float, goal: float, now: float) -> None:
        self._goal = goal
        self._start = self.level = min(start, goal)  # what to send now
        self._risen = 0.0  # seconds for which it has risen
        self._levels: deque[tuple[float, float]] = deque([(now, self.level)])

    def rise(self, vouched_at: float, now: float) -> None:
        """Go on. The receiver said at `vouched_at` that all came through: without that the rate waits."""
        before = self._levels[-1][0]
        if now - max(vouched_at, self._levels[0][0]) <= _AHEAD_SECONDS:
            self._risen = min(self._risen + now - before, _LONGEST_SECONDS)
        self.level = min(self._goal, self._start * math.exp2(DOUBLINGS * self._risen))
        self._levels.append((now, self.level))
        while self._levels[0][0] < now - _KEPT_SECONDS:
            self._levels.popleft()

    def held(self, vouched_at: float) -> float:
        """What the line is known to carry; 0 at first."""
        return next((level for at, level in reversed(self._levels) if at <= vouched_at - HELD_SECONDS), 0.0)

    def is_over(self, vouched_at: float) -> bool:
        return self.held(vouched_at) >= self._goal
