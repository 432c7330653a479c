"""One viewer's way through the picture cache to the live edge: faster than life, but paced."""

from typing import Generic, TypeVar

from media.picture_cache import PictureCache

SPEED = 5  # times the stream's bit rate
MIN_BITRATE = 10_000_000
START_BYTES = 16 * 1024
MAX_PAUSE_SECONDS = 0.050  # a longer one between two calls is not made up for

Item = TypeVar("Item")


class JoinBurst(Generic[Item]):
    """The packets since the last keyframe, for a viewer that joins at `now` (seconds, steady clock).

    Their indices are contiguous, but for what the publisher lost. A newer keyframe is jumped to.
    """

    __slots__ = ("_cache", "_credit", "_taken_at", "next_index")

    def __init__(self, cache: PictureCache[Item], now: float) -> None:
        self._cache = cache
        self._credit = float(START_BYTES)
        self._taken_at = now
        self.next_index = cache.next_index if cache.first_index is None else cache.first_index

    @property
    def caught_up(self) -> bool:
        """Whether the live stream goes on at `next_index`, with nothing more to come from here.

        So it is too when the cache has dropped its pictures; then the live edge is wherever the track is.
        """
        return self._cache.first_index is None or self.next_index >= self._cache.next_index

    def take(self, now: float) -> list[Item]:
        """What to send at `now`."""
        rate = max(SPEED * self._cache.bitrate, MIN_BITRATE) / 8
        self._credit += min(now - self._taken_at, MAX_PAUSE_SECONDS) * rate
        self._taken_at = now
        first = self._cache.first_index
        if first is None:
            self.next_index = self._cache.next_index
            return []
        self.next_index = max(self.next_index, first)
        items = []
        for extended, size, item in self._cache.from_index(self.next_index):
            if self._credit <= 0:
                break
            self._credit -= size
            self.next_index = extended + 1
            items.append(item)
        return items
