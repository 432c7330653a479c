"""How many event streams a process has, so that they leave connections to requests. Does no I/O."""

from collections import Counter

from shared.errors import ErrorCode, ServiceError

MOST_OF_KIND = 10_000
# Of the connections that the process takes: no kind of stream takes the places of all others, and all
# together leave some to requests. Of 14,000 connections these are 10,000 and 12,000 streams.
_SHARE_OF_KIND, _SHARE_OF_ALL = 5 / 7, 6 / 7


class StreamPlaces:
    """Of a process that takes so many `connections`."""

    def __init__(self, connections: int) -> None:
        self._of_kind = min(MOST_OF_KIND, max(1, int(connections * _SHARE_OF_KIND)))
        self._of_all = max(1, int(connections * _SHARE_OF_ALL))
        self._taken: Counter[str] = Counter()

    def take(self, kind: str) -> None:
        """Raises `NO_WORKER` when there is no place."""
        if self._taken[kind] >= self._of_kind or self._taken.total() >= self._of_all:
            raise ServiceError(ErrorCode.NO_WORKER, detail="too many event streams", retry_after=5)
        self._taken[kind] += 1

    def leave(self, kind: str) -> None:
        self._taken[kind] -= 1
