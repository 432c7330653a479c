"""Whether a line carries more: a rate that rises, filled up with padding."""

from collections import deque

HELD_SECONDS = 0.3  # without a sign of congestion: until it would have come

# A receiver says 0.3 to 0.4 s too late that a line is full: by then the rate may be a fifth too high.
DOUBLINGS = 0.7  # a second
FAR_DOUBLINGS = 1.5  # far above what was known: such a line has opened, and is much wider mostly
_FAR = 1.5  # times the start
_AHEAD_SECONDS = 0.3  # of the last word of the receiver: most send one each 0.2 s
_KEPT_SECONDS = 3.0
LONGEST_SECONDS = 20.0  # from 64 kbit/s to 50 Mbit/s it takes half of that
_LONGEST_STEP_SECONDS = 0.2  # a longer pause between two steps is not made up for


class Probe:
    """From `start` to `goal`, in bit/s with all that is sent. `now` is in seconds of a steady clock."""

    __slots__ = ("_began_at", "_far", "_goal", "_levels", "_reached", "level")

    def __init__(self, start: float, goal: float, now: float) -> None:
        self._began_at = now
        self._goal = goal
        self.level = self._reached = min(start, goal)  # what to send now; without a rest
        self._far = self.level * _FAR
        self._levels: deque[tuple[float, float]] = deque([(now, self.level)])

    def rise(self, vouched_at: float, now: float) -> None:
        """Go on. The receiver said at `vouched_at` that all came through: without that the rate waits."""
        before = self._levels[-1][0]
        if now - max(vouched_at, self._levels[0][0]) <= _AHEAD_SECONDS:
            doublings = DOUBLINGS if self._reached < self._far else FAR_DOUBLINGS
            seconds = min(now - before, _LONGEST_STEP_SECONDS)
            self._reached = min(self._goal, self._reached * 2.0 ** (doublings * seconds))
        self.level = self._reached
        self._note(now)

    def aim(self, goal: float, most: float) -> None:
        """Go up to `goal` at least, but not above `most`."""
        self._goal = min(max(self._goal, goal), most)
        self._reached = min(self._reached, self._goal)

    def rest(self, now: float) -> None:
        """Send no padding until the next `rise`: there may be a queue."""
        self.level = 0.0
        self._note(now)

    def _note(self, now: float) -> None:
        self._levels.append((now, self.level))
        while self._levels[0][0] < now - _KEPT_SECONDS:
            self._levels.popleft()

    def held(self, vouched_at: float) -> float:
        """What the line is known to carry; 0 at first."""
        return next((level for at, level in reversed(self._levels) if at <= vouched_at - HELD_SECONDS), 0.0)

    def is_in_vain(self, now: float) -> bool:
        """Whether it has gone on for too long: a receiver that says nothing must not be padded for ever."""
        return now - self._began_at >= LONGEST_SECONDS

    def is_over(self, vouched_at: float) -> bool:
        return self.held(vouched_at) >= self._goal
