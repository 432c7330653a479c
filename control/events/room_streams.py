"""Streams of what changes in rooms: of some rooms, or of all (`GET /api/rooms/events`)."""

from collections.abc import AsyncIterator, Callable, Collection
from functools import cache

from control.events.places import Places
from control.events.room_ends import RoomEnds
from control.events.room_feed import RoomFeed
from control.events.room_text import missing_room, room_event, room_object
from control.events.streams import Stream, Streams
from control.workers.cluster import Cluster
from control.workers.room_info import RoomInfo, RoomInfos
from control.workers.room_list import RoomList
from control.workers.turns import in_chunks
from shared.names import RoomName

MAX_ROOMS_OF_STREAM = 20


class RoomStream(Stream):
    """One client's stream: of the rooms of these names, or of the list of all, by its `feed`."""

    kind = "rooms"

    def __init__(
        self, client: str, names: Collection[RoomName], *, detailed: bool, feed: RoomFeed | None = None
    ) -> None:
        super().__init__(client, names)
        self.detailed = detailed
        self.feed = feed
        self._at: int | None = None  # the look up to which it has sent the feed; None: it begins

    async def _news(self) -> AsyncIterator[bytes]:
        if text := self._shown():
            yield text
        if self.feed is not None:
            before, self._at = self._at, self.feed.at
            async for text in self.feed.whole() if before is None else self.feed.since(before):
                yield text


class RoomStreams(Streams[RoomStream]):
    """All streams of rooms of this process, those of operators among them.

    `check_read` raises `NO_WORKER` until the settings of rooms were read: no stream begins before that.
    """

    def __init__(
        self,
        cluster: Cluster,
        rooms: RoomList,
        places: Places,
        info: RoomInfos,
        is_listed: Callable[[str], bool],
        check_read: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(places)
        self._check_read = check_read
        self._cluster = cluster
        self._rooms = rooms
        self._info = info
        self._ends = RoomEnds(cluster, rooms, info)
        self._blocked: set[str] = set()  # of those that are followed: their blocks end unnoticed
        self._just_gone: set[str] = set()  # at the last look, and Redis did not know yet when they ended
        self._feeds = {
            detailed: RoomFeed(cluster, rooms, detailed, self._for_anybody, is_listed)
            for detailed in (False, True)
        }
        self.of_operators = RoomFeed(cluster, rooms, True, info)  # in detail, with unlisted rooms

    async def follow(self, names: Collection[RoomName], *, detailed: bool, client: str) -> RoomStream:
        """A stream of these rooms, or of all if there is no name; `close` it when its reader has gone.

        There are `MAX_ROOMS_OF_STREAM` names at most. Raises `NO_WORKER` when there are too many streams or
        Redis is away.
        """
        feed = None if names else self._feeds[detailed]
        return await self.open(RoomStream(client, names, detailed=detailed, feed=feed))

    def close(self, stream: RoomStream) -> None:
        super().close(stream)
        self._ends.forget(stream.topics - self.of.keys())

    async def _begin(self, stream: RoomStream) -> None:
        self._check_read()
        await self._rooms.catch_up()
        if stream.detailed:
            await self._ends.look_for(stream.topics)
        for name in stream.topics:
            stream.show(name, self._event(name, stream.detailed))

    async def _look(self) -> None:
        if self.all:
            await self._rooms.catch_up()
        changed = self._rooms.take_changed()
        over = {name for name in self._blocked if self._info(name).blocked is None}
        self._blocked = (self._blocked - over) & self.of.keys()
        followed = (changed | over) & self.of.keys()
        late = await self._look_for_ends(followed)
        await self._show(followed | late)
        for feed in (*self._feeds.values(), self.of_operators):
            await self._tell_list(feed, changed)

    async def _look_for_ends(self, changed: set[str]) -> set[str]:
        """Read the ends of rooms that are gone; returns those gone a look before that have an end now.

        A worker reports in one round trip that a room is gone, and in the next one that it ended.
        """
        self._ends.forget(changed)
        again = self._just_gone - changed
        missing = await self._ends.look_for(again | changed)
        self._just_gone = missing - again
        self._ends.keep(self.of)
        return again - missing

    async def _show(self, names: Collection[str]) -> None:
        event = cache(self._event)
        told = [(stream, name) for name in names for stream in self.of.get(name, ())]
        async for some in in_chunks(told):
            for stream, name in some:
                stream.show(name, event(name, stream.detailed))

    async def _tell_list(self, feed: RoomFeed, changed: Collection[str]) -> None:
        readers = [stream for stream in self.all if stream.feed is feed]
        if not readers:
            feed.forget()
        elif await feed.note(changed):
            async for some in in_chunks(readers):
                for stream in some:
                    stream.wake()

    def _for_anybody(self, name: str) -> RoomInfo:
        return self._info(name).for_anybody()

    def _event(self, name: str, detailed: bool) -> bytes:
        room, unix_time, info = self._rooms.room(name), self._cluster.unix_time, self._for_anybody(name)
        if room is not None:
            return room_event(room_object(room, unix_time if detailed else None, info))
        if not detailed:
            return room_event(missing_room(name, unix_time))
        if info.blocked is not None:
            self._blocked.add(name)
        return room_event(missing_room(name, unix_time, info, self._ends.end(name)))
