"""A queue in a line: measured round trips show it at once."""

import math

QUEUE_SECONDS = 0.06  # a round trip that is longer than the shortest one by this shows a queue
_LONG_SECONDS = 0.3  # the guess before a round trip was measured
_STALE_SECONDS = 3.0  # an older round trip says nothing of the present queue
_FRESH_SECONDS = 0.5  # as a receiver report may show a queue that is a second old
WINDOW_SECONDS = 15.0  # the shortest of two windows counts: a viewer may move to a slower network


class RoundTrips:
    """The round trips of one viewer, in seconds; `now` is of a steady clock.

    `queue` is by how much the last round trip was longer than the shortest one. `queues` counts the round
    trips in a row that show a queue: a single one may be chance. `is_measured`: the receiver answers. Packets
    that were sent before `passed_at` have left the line's queue: a later packet has arrived.
    """

    __slots__ = ("_measured_at", "is_measured", "passed_at", "queue", "queues", "shortest")

    def __init__(self) -> None:
        self.shortest = ShortestRoundTrip()
        self.is_measured = False
        self.queue = 0.0
        self.queues = 0
        self.passed_at = -math.inf
        self._measured_at = -math.inf

    @property
    def shortest_known(self) -> float:
        """The round trip on the empty line; a guess before one was measured."""
        return min(self.shortest.seconds, _LONG_SECONDS)

    def take(self, seconds: float, now: float) -> None:
        """Take a round trip that was measured now."""
        self.queue = seconds - self.shortest.take(seconds, now)
        self._measured_at = now
        self.passed(now - seconds)
        self.queues = self.queues + 1 if self.queue > QUEUE_SECONDS else 0

    def passed(self, sent_at: float) -> None:
        """Take that a packet has arrived that was sent at `sent_at`."""
        self.passed_at = max(self.passed_at, sent_at)

    def tick(self, now: float) -> None:
        """Forget a queue that was measured too long ago."""
        self.is_measured = self.measured_within(_STALE_SECONDS, now)
        if not self.is_measured:
            self.queue, self.queues = 0.0, 0

    def measured_within(self, seconds: float, now: float) -> bool:
        return now - self._measured_at <= seconds

    def shows_none(self, now: float) -> bool:
        """Whether the line has no queue now, by a fresh round trip."""
        return not self.queues and self.is_fresh(now)

    def is_fresh(self, now: float) -> bool:
        """Whether the last round trip is of the present queue."""
        return self.measured_within(_FRESH_SECONDS, now)


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
