"""A line that suddenly carries next to nothing: most of what was sent lately is requested again.

A receiver's estimate needs packets that arrive, and its reports come each second: both are too late then.
"""

from collections import deque

WINDOW_SECONDS = 0.6
MUCH = 0.4  # share of what was sent
LEAST_PACKETS = 8  # that are requested


class LossBurst:
    """Of one viewer. `now` is in seconds of a steady clock."""

    __slots__ = ("_asked", "_sent")

    def __init__(self) -> None:
        self._asked: deque[tuple[float, int]] = deque()
        self._sent: deque[tuple[float, int]] = deque()

    def asked(self, packets: int, sent: int, now: float) -> float | None:
        """Take a request for `packets`, when `sent` packets of pictures were sent in total.

        Returns the share of the latest that is lost, if that is much.
        """
        self._asked.append((now, packets))
        self._sent.append((now, sent))
        while self._asked[0][0] < now - WINDOW_SECONDS:
            self._asked.popleft()
            self._sent.popleft()
        asked = sum(count for _, count in self._asked)
        lately = sent - self._sent[0][1] + self._asked[0][1]
        if asked < LEAST_PACKETS or asked < MUCH * lately:
            return None
        self._asked.clear()
        self._sent.clear()
        return min(asked / lately, 0.9)
