"""How many readers of long answers a process has, so that they leave connections to requests."""

from collections import Counter
from collections.abc import Iterable

from control.http.long_response import Reader
from shared.errors import ErrorCode, ServiceError

# Of the connections that the process takes: no kind of answer takes the places of all others, and all
# together leave some to requests. Of 14,000 connections these are 10,000 and 12,000 places.
_SHARE_OF_KIND, _SHARE_OF_ALL = 5 / 7, 6 / 7


class Place:
    """What a reader has. `client`: an IPv4 address or an IPv6 /64, as trusted proxies tell it."""

    kind = ""
    most = 10_000  # of this kind

    def __init__(self, client: str) -> None:
        self.client = client
        self.reader = Reader()
        self.ended = False

    def end(self) -> None:
        """Its reader gets no more. One that takes nothing does not keep its connection."""
        self.ended = True
        self.reader.give_up()


class Places:
    """The places of a process that takes so many `connections`.

    When all are taken, each client may have an equal share.
    """

    def __init__(self, connections: int) -> None:
        self._of_kind = max(1, int(connections * _SHARE_OF_KIND))
        self._of_all = max(1, int(connections * _SHARE_OF_ALL))
        self._taken: dict[str, dict[Place, None]] = {}  # by kind, the oldest first
        self._closed = False

    def take(self, place: Place) -> None:
        """Take a place.

        Raises `NO_WORKER` when there is none, and no client has more places than this one.
        """
        if self._closed:
            raise ServiceError(ErrorCode.NO_WORKER, detail="this process stops", retry_after=1)
        of_kind = self._taken.setdefault(place.kind, {})
        if len(of_kind) >= min(place.most, self._of_kind):
            self._give_way(of_kind, place.client)
        elif sum(map(len, self._taken.values())) >= self._of_all:
            self._give_way([each for kind in self._taken.values() for each in kind], place.client)
        of_kind[place] = None

    def leave(self, place: Place) -> None:
        """May be called again."""
        self._taken[place.kind].pop(place, None)

    def close(self) -> None:
        """End all, and give no more: this process stops, and the clients should ask another one."""
        self._closed = True
        for of_kind in self._taken.values():
            for place in of_kind:
                place.end()

    def _give_way(self, places: Iterable[Place], client: str) -> None:
        """End the oldest place of the client that has most, if that has two more than `client`."""
        held = Counter(place.client for place in places)
        (greedy, most), *_ = held.most_common(1)
        if most < held[client] + 2:
            raise ServiceError(ErrorCode.NO_WORKER, detail="too many event streams", retry_after=5)
        oldest = next(place for place in places if place.client == greedy)
        self.leave(oldest)
        oldest.end()
