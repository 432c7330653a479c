"""A line that suddenly carries next to nothing: most of what was sent lately is requested again.

A receiver's estimate needs packets that arrive, and its reports come each second: both are too late then.
"""

from collections.abc import Iterable

WINDOW_SECONDS = 0.6
MUCH = 0.4  # share of what was sent
LEAST_PACKETS = 8  # that are requested; so few are enough if they are requested late
LATE_SECONDS = 0.15  # after they were sent, beside the round trip: the receiver saw the gap behind a queue
MOST = 0.9  # share that is told


class LossBurst:
    """Of one viewer. `now` is in seconds of a steady clock."""

    __slots__ = ("_asked",)

    def __init__(self) -> None:
        self._asked: dict[int, float] = {}  # index of a packet -> when it was first requested, oldest first

    def asked(self, indexes: Iterable[int], rate: float, now: float, queue: float = 0.0) -> float | None:
        """Take a request for the packets of these indexes, of a picture of `rate` packets a second.

        `queue` is for how long the latest of them was on its way, in seconds, beside the round trip.

        Returns the share of the latest that is lost, if that is much. A packet counts once, however often it
        is requested.
        """
        before = len(self._asked)
        for index in indexes:
            self._asked.setdefault(index, now)
        is_late = queue > LATE_SECONDS and len(self._asked) > before  # and not only requested again
        while self._asked and (oldest := next(iter(self._asked.items())))[1] < now - 2 * WINDOW_SECONDS:
            del self._asked[oldest[0]]
        asked = [index for index, at in self._asked.items() if at >= now - WINDOW_SECONDS]
        if len(asked) < LEAST_PACKETS:
            return None
        # by chance some are lost here and there, and are requested late where requests are lost, too
        is_run = is_late and len(asked) >= MUCH * (max(asked) - min(asked) + 1)
        if not is_run and len(asked) < MUCH * rate * WINDOW_SECONDS:
            return None
        self._asked.clear()
        return min(len(asked) / max(rate * WINDOW_SECONDS, len(asked)), MOST)
