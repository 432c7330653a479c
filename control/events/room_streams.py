"""Streams of what changes in rooms: of some rooms, or of all (`GET /api/rooms/events`).

One look at the list of rooms a second serves all streams of a process. What a stream has still to send is the
latest state of its rooms, or a place in what has changed: so a slow reader misses steps, and holds no
memory. While Redis is away, the streams stay open and silent; when it is back, they report what has changed.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection

from control.events.places import Stream, StreamPlaces
from control.events.room_ends import RoomEnds
from control.events.room_feed import RoomFeed
from control.events.room_text import ALIVE, missing_room, opening, room_event, room_object
from control.workers.cluster import Cluster
from control.workers.room_list import PAUSE_SECONDS, RoomList
from shared.beat import beat
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0
ALIVE_EVERY_LOOKS = 15
WOKEN_AT_ONCE = 100  # streams that are woken together: some milliseconds
MAX_ROOMS_OF_STREAM = 20
RETRY_SECONDS = 2.0, 5.0  # clients come back after a time between these: a process that stops has many

log = get_logger()


class RoomStream(Stream, ABC):
    """One client's stream: `text` yields what to send, until it is ended."""

    kind = "rooms"

    def __init__(self, client: str) -> None:
        super().__init__(client)
        self.turn = 0  # of `ALIVE_EVERY_LOOKS`, so that not all are kept alive at once, nor come back at once
        self._is_quiet = False

    def keep_alive(self) -> None:
        self._is_quiet = True
        self._wake.set()

    async def text(self) -> AsyncIterator[bytes]:
        soonest, latest = RETRY_SECONDS
        yield opening(soonest + (latest - soonest) * self.turn / ALIVE_EVERY_LOOKS)
        while not self.ended:
            self._wake.clear()
            async for text in self._news():
                self._is_quiet = False
                yield text
                if self.ended:
                    return
            if self._is_quiet:
                self._is_quiet = False
                yield ALIVE
            await self._wake.wait()

    @abstractmethod
    def _news(self) -> AsyncIterator[bytes]:
        """The events to send now."""


class SomeRooms(RoomStream):
    """Follows some rooms by their names."""

    def __init__(self, names: Collection[RoomName], detailed: bool, client: str = "") -> None:
        super().__init__(client)
        self.names = frozenset(names)
        self.detailed = detailed
        self._told: dict[str, bytes] = {}
        self._now: dict[str, bytes] = {}

    def show(self, name: str, room: bytes) -> None:
        if self._told.get(name) != room:
            self._now[name] = room
            self._wake.set()

    async def _news(self) -> AsyncIterator[bytes]:
        if self._now:
            now, self._now = self._now, {}
            self._told |= now
            yield b"".join(map(room_event, now.values()))


class AllRooms(RoomStream):
    """Follows the list of all rooms."""

    def __init__(self, feed: RoomFeed, client: str = "") -> None:
        super().__init__(client)
        self.feed = feed
        self._at: int | None = None  # the look up to which it has sent all changes; None: it begins

    async def _news(self) -> AsyncIterator[bytes]:
        before, self._at = self._at, self.feed.at
        is_new = before is None or not self.feed.reaches_back_to(before)
        async for text in self.feed.whole() if before is None or is_new else self.feed.since(before):
            yield text


class RoomStreams:
    """All streams of rooms of this process. `run` must be running for them to report anything."""

    def __init__(
        self,
        cluster: Cluster,
        rooms: RoomList,
        places: StreamPlaces,
        locked: Callable[[str], bool],
        is_listed: Callable[[str], bool],
    ) -> None:
        self._cluster = cluster
        self._rooms = rooms
        self._places = places
        self._locked = locked
        self._streams: set[RoomStream] = set()
        self._followers: dict[str, set[SomeRooms]] = {}  # by room
        self._ends = RoomEnds(cluster, rooms, locked)
        self._just_gone: set[str] = set()  # at the last look, and Redis did not know yet when they ended
        self._feeds = {
            detailed: RoomFeed(cluster, rooms, detailed, locked, is_listed) for detailed in (False, True)
        }
        self.of_operators = RoomFeed(cluster, rooms, True, locked)  # in detail, with unlisted rooms
        self._closed = False
        self._looks = 0
        self._woken = 0

    async def follow(self, names: Collection[RoomName], *, detailed: bool, client: str) -> RoomStream:
        """A stream of these rooms, or of all if there is no name; `close` it when its reader has gone.

        Raises `INVALID_EVENTS` when there are too many names, `NO_WORKER` when there are too many streams or
        Redis is away.
        """
        if len(names) > MAX_ROOMS_OF_STREAM:
            detail = f"a stream has at most {MAX_ROOMS_OF_STREAM} rooms"
            raise ServiceError(ErrorCode.INVALID_EVENTS, detail=detail)
        feed = self._feeds[detailed]
        stream = SomeRooms(names, detailed, client) if names else AllRooms(feed, client)
        await self.join(stream)
        if isinstance(stream, SomeRooms):
            try:
                if detailed:
                    await self._ends.look_for(stream.names)
            except BaseException:
                self.close(stream)
                raise
            for name in stream.names:
                stream.show(name, self._object(name, detailed))
        return stream

    async def join(self, stream: RoomStream) -> None:
        """Report changes to this stream until it is closed.

        Raises `NO_WORKER` as `follow` does; then the stream need not be closed.
        """
        if self._closed:
            raise ServiceError(ErrorCode.NO_WORKER, detail="this process stops", retry_after=1)
        self._open(stream)
        try:
            await self._rooms.catch_up()
        except BaseException:
            self.close(stream)
            raise

    def _open(self, stream: RoomStream) -> None:
        self._places.take(stream)
        stream.turn = len(self._streams) % ALIVE_EVERY_LOOKS
        self._streams.add(stream)
        if isinstance(stream, SomeRooms):
            for name in stream.names:
                self._followers.setdefault(name, set()).add(stream)

    def close(self, stream: RoomStream) -> None:
        self._places.leave(stream)
        self._streams.remove(stream)
        if isinstance(stream, SomeRooms):
            for name in stream.names:
                self._followers[name].discard(stream)
                if not self._followers[name]:
                    del self._followers[name]
                    self._ends.forget([name])

    def close_all(self) -> None:
        """End every stream, and open no more: this process stops, and the clients should ask another one."""
        self._closed = True
        for stream in self._streams:
            stream.end()

    async def run(self) -> None:
        while True:
            await beat(LOOK_SECONDS)
            try:
                await self._look()
            except ServiceError:  # Redis is away, and there is nothing to report
                pass
            except Exception:
                log.exception("event streams of rooms were not updated")

    async def _look(self) -> None:
        self._looks += 1
        for stream in tuple(self._streams):
            if (self._looks + stream.turn) % ALIVE_EVERY_LOOKS == 0:
                stream.keep_alive()
                await self._pause()
        if self._streams:
            await self._rooms.catch_up()
        changed = self._rooms.take_changed()
        followed = changed & self._followers.keys()
        late = await self._look_for_ends(followed)
        for name in followed | late:
            await self._show(name)
        await self._tell_lists(changed)

    async def _look_for_ends(self, changed: set[str]) -> set[str]:
        """Read the ends of rooms that are gone; returns those gone a look before that have an end now.

        A worker reports in one round trip that a room is gone, and in the next one that it ended.
        """
        self._ends.forget(changed)
        again = self._just_gone - changed
        missing = await self._ends.look_for(again | changed)
        self._just_gone = missing - again
        self._ends.forget((again | changed) - self._followers.keys())
        return again - missing

    async def _show(self, name: str) -> None:
        objects: dict[bool, bytes] = {}
        for stream in tuple(self._followers.get(name, ())):
            if stream.detailed not in objects:
                objects[stream.detailed] = self._object(name, stream.detailed)
            stream.show(name, objects[stream.detailed])
            await self._pause()

    async def _tell_lists(self, changed: Collection[str]) -> None:
        lists = [stream for stream in self._streams if isinstance(stream, AllRooms)]
        for feed in (*self._feeds.values(), self.of_operators):
            if any(stream.feed is feed for stream in lists):
                await feed.note(changed)
            else:
                feed.forget()
        for stream in lists if changed else ():
            stream.wake()
            await self._pause()

    async def _pause(self) -> None:
        """Let woken streams send, and let other requests have their turns."""
        self._woken += 1
        if self._woken % WOKEN_AT_ONCE == 0:
            await asyncio.sleep(PAUSE_SECONDS)

    def _object(self, name: str, detailed: bool) -> bytes:
        room = self._rooms.room(name)
        if room is None:
            return missing_room(name, self._ends.ago(name) if detailed else None)
        unix_time = self._cluster.unix_time if detailed else None
        return room_object(room, unix_time, locked=self._locked(name))
