"""How long a round trip takes on a line whose queue is empty."""

import math

WINDOW_SECONDS = 15.0  # the shortest of two windows counts: a viewer may move to a slower network


class ShortestRoundTrip:
    """The shortest of the last 15 to 30 s. All in seconds; `now` is of a steady clock."""

    __slots__ = ("_before", "_lately", "_since")

    def __init__(self) -> None:
        self._before = self._lately = math.inf
        self._since = -math.inf

    def take(self, seconds: float, now: float) -> float:
        """Take a round trip that was measured now; returns the shortest."""
        if now - self._since > WINDOW_SECONDS:
            is_stale = now - self._since > 2 * WINDOW_SECONDS
            self._before, self._lately = math.inf if is_stale else self._lately, math.inf
            self._since = now
        self._lately = min(self._lately, seconds)
        return self.seconds

    @property
    def seconds(self) -> float:
        """The shortest round trip; infinite: none was measured."""
        return min(self._before, self._lately)
