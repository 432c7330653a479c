"""Whether to act on what a train of packets has measured: not soon after a train that was wrong.

A line that lets bursts pass, or that others use, too, carries less than a train measures.
"""

import math

_WRONG_SECONDS = 3.0  # a train was wrong if a sign of congestion comes within this time
_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds without belief, after one wrong train, two, and more
_FORGIVEN_SECONDS = 30.0  # after this time wrong trains are forgotten


class Belief:
    """What one viewer's trains are worth. `now` is in seconds of a steady clock."""

    __slots__ = ("_at", "_from", "_wrong")

    def __init__(self) -> None:
        self._at = self._from = -math.inf  # when the last train was believed; when the next one may be
        self._wrong = 0

    def __call__(self, now: float) -> bool:
        return now >= self._from

    def begin(self, now: float) -> None:
        """Take that a train was believed."""
        if now - max(self._at, self._from) > _FORGIVEN_SECONDS:
            self._wrong = 0
        self._at = now

    def doubt(self, now: float) -> None:
        """Take that the line did not carry what a train had measured."""
        if now - self._at < _WRONG_SECONDS:
            self._from = now + _WAITS[min(self._wrong, len(_WAITS) - 1)]
            self._wrong += 1
