"""A line that suddenly carries next to nothing: most of what was sent lately is requested again.

A receiver's estimate needs packets that arrive, and its reports come each second: both are too late then.
"""

from collections.abc import Iterable

WINDOW_SECONDS = 0.6
MUCH = 0.4  # share of what was sent
LEAST_PACKETS = 8  # that are requested


class LossBurst:
    """Of one viewer. `now` is in seconds of a steady clock."""

    __slots__ = ("_asked",)

    def __init__(self) -> None:
        self._asked: dict[int, float] = {}  # index of a packet -> when it was first requested, oldest first

    def asked(self, indexes: Iterable[int], rate: float, now: float) -> float | None:
        """Take a request for the packets of these indexes, of a picture of `rate` packets a second.

        Returns the share of the latest that is lost, if that is much. A packet counts once, however often it
        is requested.
        """
        for index in indexes:
            self._asked.setdefault(index, now)
        while self._asked and (oldest := next(iter(self._asked.items())))[1] < now - 2 * WINDOW_SECONDS:
            del self._asked[oldest[0]]
        asked = sum(at >= now - WINDOW_SECONDS for at in self._asked.values())
        lately = max(rate * WINDOW_SECONDS, asked)
        if asked < LEAST_PACKETS or asked < MUCH * lately:
            return None
        self._asked.clear()
        return min(asked / lately, 0.9)
