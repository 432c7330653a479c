"""Whether a line carries more: a rate that rises, filled up with padding."""

from collections import deque

HELD_SECONDS = 0.3  # a sign of congestion comes within this time after what caused it

# Doublings of the rate a second. A receiver says 0.3 to 0.4 s too late that a line is full: by then the rate
# may be a fifth too high. A line that carries far more than was known has opened, and is mostly much wider.
DOUBLINGS, FAR_DOUBLINGS = 0.7, 1.5
_FAR = 1.5  # above this multiple of its start a probe rises by `FAR_DOUBLINGS`
_AHEAD_SECONDS = 0.3  # the rate waits when the receiver's last report is older; most send one each 0.2 s
_KEPT_SECONDS = 3.0  # so many seconds of a probe's rates are remembered
LONGEST_SECONDS = 20.0  # a probe ends after this time; from 64 kbit/s to 50 Mbit/s takes half of it
_LONGEST_STEP_SECONDS = 0.2  # a longer pause between two steps is not made up for


class Probe:
    """A rate that rises from `start` to `goal`, in bit/s of all that is sent. `now` is of a steady clock."""

    __slots__ = ("_began_at", "_far", "_goal", "_levels", "_reached", "level")

    def __init__(self, start: float, goal: float, now: float) -> None:
        self._began_at = now
        self._goal = goal
        self.level = self._reached = min(start, goal)  # the rate to send now; the rate when it does not rest
        self._far = self.level * _FAR
        self._levels: deque[tuple[float, float]] = deque([(now, self.level)])

    def rise(self, vouched_at: float, now: float) -> None:
        """Raise the rate, if the receiver has shown lately, at `vouched_at`, that all comes through."""
        before = self._levels[-1][0]
        if now - max(vouched_at, self._levels[0][0]) <= _AHEAD_SECONDS:
            doublings = DOUBLINGS if self._reached < self._far else FAR_DOUBLINGS
            seconds = min(now - before, _LONGEST_STEP_SECONDS)
            self._reached = min(self._goal, self._reached * 2.0 ** (doublings * seconds))
        self.level = self._reached
        self._note(now)

    def aim(self, goal: float, most: float) -> None:
        """Set the goal to `goal` at least, but not above `most`."""
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
        """The rate that the probe has shown to fit; 0 at first."""
        return next((level for at, level in reversed(self._levels) if at <= vouched_at - HELD_SECONDS), 0.0)

    def is_in_vain(self, now: float) -> bool:
        """Whether the probe has gone on for too long: a silent receiver gets no endless padding."""
        return now - self._began_at >= LONGEST_SECONDS

    def is_over(self, vouched_at: float) -> bool:
        return self.held(vouched_at) >= self._goal
