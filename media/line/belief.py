"""Whether to act on what a train of packets tells: not soon after one that was wrong.

A line that lets bursts pass, or that others fill, too, carries less than a train says.
"""

import math

_WRONG_SECONDS = 3.0  # a sign of congestion so soon after one was believed
_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds after one that was wrong, two, and more
_FORGIVEN_SECONDS = 30.0


class Belief:
    """Of one viewer. `now` is in seconds of a steady clock."""

    __slots__ = ("_at", "_from", "_wrong")

    def __init__(self) -> None:
        self._at = self._from = -math.inf  # when a train was believed; and from when on one may be
        self._wrong = 0

    def __call__(self, now: float) -> bool:
        return now >= self._from

    def begin(self, now: float) -> None:
        """A train was believed."""
        if now - max(self._at, self._from) > _FORGIVEN_SECONDS:
            self._wrong = 0
        self._at = now

    def doubt(self, now: float) -> None:
        """The line turned out not to carry it."""
        if now - self._at < _WRONG_SECONDS:
            self._from = now + _WAITS[min(self._wrong, len(_WAITS) - 1)]
            self._wrong += 1
