"""A queue in a line, by round trips that are measured: it shows at once."""

import math

from media.line.shortest_round_trip import ShortestRoundTrip

QUEUE_SECONDS = 0.06  # longer than the shortest one
_LONG_SECONDS = 0.3
_STALE_SECONDS = 3.0  # the queue of then says nothing of now
_FRESH_SECONDS = 0.5  # a receiver report's round trip is of a second ago


class RoundTrips:
    """Of one viewer. All in seconds; `now` is of a steady clock.

    `queue` is by how much the last one was longer than the shortest. `queues` counts those that show a queue,
    one after the other: one alone may be chance. `is_measured` says that the receiver answers. What was sent
    before `passed_at` has left the line's queue, for what was sent behind it has come.
    """

    __slots__ = ("_measured_at", "is_measured", "passed_at", "queue", "queued_since", "queues", "shortest")

    def __init__(self, now: float) -> None:
        self.shortest = ShortestRoundTrip()
        self.is_measured = False
        self.queue = 0.0
        self.queues = 0
        self.queued_since = now
        self.passed_at = -math.inf
        self._measured_at = -math.inf

    @property
    def shortest_known(self) -> float:
        """On the empty line; a guess before anything is known."""
        return min(self.shortest.seconds, _LONG_SECONDS)

    def take(self, seconds: float, now: float) -> bool:
        """Take one that was measured now; returns whether it shows an empty line."""
        self.queue = seconds - self.shortest.take(seconds, now)
        self._measured_at = now
        self.passed(now - seconds)
        self.queues = self.queues + 1 if self.queue > QUEUE_SECONDS else 0
        if not self.queues:
            self.queued_since = now
        return self.queue < QUEUE_SECONDS / 2

    def passed(self, sent_at: float) -> None:
        """Take that something has come that was sent then."""
        self.passed_at = max(self.passed_at, sent_at)

    def tick(self, now: float) -> None:
        """Forget what is too old."""
        self.is_measured = self.measured_within(_STALE_SECONDS, now)
        if not self.is_measured:
            self.queue, self.queues = 0.0, 0

    def measured_within(self, seconds: float, now: float) -> bool:
        return now - self._measured_at <= seconds

    def shows_none(self, now: float, *, fresh: bool) -> bool:
        """Whether there is no queue now, by one of the last seconds, or by a `fresh` one."""
        return not self.queues and self.measured_within(_FRESH_SECONDS if fresh else _STALE_SECONDS, now)
