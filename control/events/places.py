"""How many event streams a process has, so that they leave connections to requests."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from control.http.long_response import Reader
from shared.errors import ErrorCode, ServiceError

MOST_OF_KIND = 10_000
# Of the connections that the process takes: no kind of stream takes the places of all others, and all
# together leave some to requests. Of 14,000 connections these are 10,000 and 12,000 streams.
_SHARE_OF_KIND, _SHARE_OF_ALL = 5 / 7, 6 / 7


class Stream:
    """What takes a place. `client`: an IPv4 address or an IPv6 /64, as trusted proxies tell it."""

    kind = ""

    def __init__(self, client: str) -> None:
        self.client = client
        self.reader = Reader()
        self.ended = False
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to send, or to notice."""
        self._wake.set()

    def end(self) -> None:
        """End the stream: its reader gets no more."""
        self.ended = True
        self._wake.set()


class StreamPlaces:
    """The places for event streams of a process that takes so many `connections`.

    When all are taken, each client may have an equal share.
    """

    def __init__(self, connections: int) -> None:
        self._of_kind = min(MOST_OF_KIND, max(1, int(connections * _SHARE_OF_KIND)))
        self._of_all = max(1, int(connections * _SHARE_OF_ALL))
        self._taken: dict[str, dict[Stream, None]] = {}  # by kind, the oldest first

    def take(self, stream: Stream) -> None:
        """Take a place.

        Raises `NO_WORKER` when there is none, and no client has more places than this one.
        """
        of_kind = self._taken.setdefault(stream.kind, {})
        if len(of_kind) >= self._of_kind:
            self._give_way(of_kind, stream.client)
        elif sum(map(len, self._taken.values())) >= self._of_all:
            self._give_way([each for kind in self._taken.values() for each in kind], stream.client)
        of_kind[stream] = None

    def leave(self, stream: Stream) -> None:
        """May be called again."""
        self._taken[stream.kind].pop(stream, None)

    def _give_way(self, streams: Iterable[Stream], client: str) -> None:
        """End the oldest stream of the client that has most, if that has two more than `client`."""
        held = Counter(stream.client for stream in streams)
        (greedy, most), *_ = held.most_common(1)
        if most < held[client] + 2:
            raise ServiceError(ErrorCode.NO_WORKER, detail="too many event streams", retry_after=5)
        oldest = next(stream for stream in streams if stream.client == greedy)
        self.leave(oldest)
        oldest.end()
        oldest.reader.give_up()  # who reads nothing would keep its connection
