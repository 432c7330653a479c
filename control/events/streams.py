"""Streams of events: what all kinds have in common.

A look each second serves all streams of a kind. What a stream has still to send is the latest state of each
thing that it tells of: so a slow reader misses steps, never the outcome, and holds little memory. While Redis
is away, streams stay open and silent; when it is back, they report what has changed meanwhile.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection
from typing import Generic, TypeVar

from control.events.places import Place, Places
from control.workers.turns import in_chunks
from shared.beat import beat
from shared.errors import ServiceError
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0
ALIVE_EVERY_LOOKS = 15
RETRY_SECONDS = 2.0, 5.0  # clients come back after a time between these: a process that stops has many
_KEEP_ALIVE = b": \n\n"  # a comment, which keeps proxies from closing the connection

log = get_logger()


class Stream(Place):
    """One reader's stream: `text` yields what to send, until it is ended.

    `topics`: the names of rooms and sessions by which it is found.
    """

    def __init__(self, client: str, topics: Collection[str] = ()) -> None:
        super().__init__(client)
        self.topics = frozenset(topics)
        self.turn = random.randrange(ALIVE_EVERY_LOOKS)  # noqa: S311  # not all are kept alive at once
        self._wake = asyncio.Event()
        self._told: dict[str, bytes] = {}
        self._now: dict[str, bytes] = {}

    def show(self, name: str, event: bytes, *, granted: bool = False) -> None:
        """Tell the state of what `name` names by an event; an empty one changes it and tells nothing.

        `granted`: who was told nothing of it takes that for granted.
        """
        told = self._told.get(name)
        if event == told or (granted and told is None):
            self._now.pop(name, None)
        else:
            self._now[name] = event
            self.wake()

    def wake(self) -> None:
        """There is something to send, or to notice. Where there is not, the stream is kept alive."""
        self._wake.set()

    def end(self) -> None:
        super().end()
        self.wake()

    async def text(self) -> AsyncIterator[bytes]:
        yield b"retry: %d\n\n" % (1000 * random.uniform(*RETRY_SECONDS))  # at once, with the headers  # noqa: S311
        while not self.ended:
            self._wake.clear()
            is_quiet = True
            async for text in self._news():
                is_quiet = False
                yield text
                if self.ended:
                    return
            if is_quiet:
                yield _KEEP_ALIVE
            await self._wake.wait()

    async def _news(self) -> AsyncIterator[bytes]:
        """What to send now."""
        if text := self._shown():
            yield text

    def _shown(self) -> bytes:
        """The states that are to be told, from now on told."""
        now, self._now = self._now, {}
        self._told |= now
        return b"".join(now.values())


S = TypeVar("S", bound=Stream)


class Streams(ABC, Generic[S]):
    """The streams of one kind in this process. `run` must be running for them to report anything."""

    def __init__(self, places: Places) -> None:
        self.all: dict[S, None] = {}  # the oldest first
        self.of: dict[str, dict[S, None]] = {}  # by topic
        self.followed = asyncio.Event()  # set while there are any
        self._places = places
        self._looks = 0

    async def open(self, stream: S) -> S:
        """Report to this stream; `close` it when its reader has gone.

        Raises `NO_WORKER` when there are too many, or as `_begin` does; then it need not be closed.
        """
        self._places.take(stream)
        self.all[stream] = None
        for topic in stream.topics:
            self.of.setdefault(topic, {})[stream] = None
        self.followed.set()
        try:
            await self._begin(stream)
        except BaseException:
            self.close(stream)
            raise
        return stream

    def close(self, stream: S) -> None:
        self._places.leave(stream)
        del self.all[stream]
        for topic in stream.topics:
            del self.of[topic][stream]
            if not self.of[topic]:
                del self.of[topic]
        if not self.all:
            self.followed.clear()

    async def run(self) -> None:
        while True:
            await beat(LOOK_SECONDS)
            self._looks += 1
            turn = self._looks % ALIVE_EVERY_LOOKS
            try:
                async for some in in_chunks([stream for stream in self.all if stream.turn == turn]):
                    for stream in some:
                        stream.wake()
                await self._look()
            except ServiceError:  # Redis is away, and there is nothing to report
                pass
            except Exception:
                log.exception("event streams were not updated")

    @abstractmethod
    async def _begin(self, stream: S) -> None:
        """Show a new stream what is."""

    @abstractmethod
    async def _look(self) -> None:
        """Show the streams what is now."""
