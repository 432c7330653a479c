"""Streams of events to viewers, made from the directory: any control process serves any of them.

One read of the directory a second is enough for all streams of a process. While Redis is away, the streams
stay open and silent; when it is back, they report what has changed meanwhile.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from control.events.places import Stream, StreamPlaces
from control.events.stream_names import LIFE_SECONDS, StreamNames
from control.events.text import (
    KEEP_ALIVE,
    RoomView,
    changes,
    message_text,
    moves_at,
    new_stream_name,
    steady_layers,
)
from control.workers.cluster import Cluster
from control.workers.cluster_rooms import ClusterRoom
from control.workers.gateway import Gateway
from control.workers.placement import takes_viewers
from control.workers.room_list import RoomList
from shared.beat import beat
from shared.errors import ErrorCode, ServiceError
from shared.messages.sessions import Living
from shared.messages.status import LayerStatus, WorkerState
from shared.names import RoomName, SessionId, new_request_id, worker_of_session
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0
SESSIONS_EVERY_LOOKS = 4  # each fourth look asks the workers which sessions are alive
KEEP_ALIVE_SECONDS = 15.0
MAX_STREAMS_OF_SESSION = 3
MAX_ENDING_OF_SESSION = 3  # streams whose readers have not noticed their end yet
MOST_MESSAGES = 50  # that wait for a slow reader: the oldest go first
KEEP_EVERY_LOOKS = int(LIFE_SECONDS / LOOK_SECONDS / 4)  # then the streams that are followed are kept alive

log = get_logger()


class EventStream(Stream):
    """One viewer's stream: `text` yields what to send. It ends with its session."""

    kind = "viewers"

    def __init__(
        self,
        room: RoomName,
        session: SessionId,
        name: str,
        wanted: frozenset[str],
        picture: int | None,
        client: str = "",
    ) -> None:
        super().__init__(client)
        self.room = room
        self.session = session
        self.worker = worker_of_session(session)
        self.name = name
        self._wanted = wanted
        self._picture = picture
        self._sent: RoomView | None = None
        self._now: RoomView | None = None
        self._messages: deque[str] = deque(maxlen=MOST_MESSAGES)

    def show(self, view: RoomView) -> None:
        if view != self._now:
            self._now = view
            self._wake.set()

    def tell(self, message: str) -> None:
        """Send a message, if this stream has any."""
        if "message" in self._wanted:
            self._messages.append(message)
            self._wake.set()

    async def text(self) -> AsyncIterator[str]:
        yield KEEP_ALIVE  # at once: the response headers must not wait for the first event
        while not self.ended:
            if self._now is not None:
                before, self._sent = self._sent, self._now
                for event in changes(before, self._now, self._wanted, self._picture):
                    yield event
            if self._messages:  # in one write, however many came since the last one
                told = "".join(map(message_text, self._messages))
                self._messages.clear()
                yield told
            self._wake.clear()
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                yield KEEP_ALIVE


class EventStreams:
    """All streams of this process. `run` must be running for them to report anything."""

    def __init__(
        self, cluster: Cluster, rooms: RoomList, gateway: Gateway, names: StreamNames, places: StreamPlaces
    ) -> None:
        self._cluster = cluster
        self._rooms = rooms
        self._gateway = gateway
        self._names = names
        self._places = places
        self._streams: dict[SessionId, list[EventStream]] = {}
        self._of_room: defaultdict[RoomName, set[EventStream]] = defaultdict(set)
        self._layers: dict[RoomName, tuple[LayerStatus, ...]] = {}  # of each room, as they were told
        self._closed = False
        self.followed = asyncio.Event()  # set while somebody follows any

    async def open(
        self,
        room: RoomName,
        session: SessionId,
        name: str,
        wanted: frozenset[str],
        picture: int | None,
        client: str = "",
    ) -> EventStream:
        """A stream of a living session; `close` it when its reader has gone. An empty name needs no creation.

        `picture` is the place of the section (m-line) with the picture in its SDP; None: it gets none.

        Raises `SESSION_NOT_FOUND` when there is none, `NO_WORKER` when there are too many or Redis is away.
        """
        if name and not await self._names.has(session, name):
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        streams = self._streams.get(session, [])
        following = [stream for stream in streams if not stream.ended]
        if self._closed or len(streams) - len(following) >= MAX_ENDING_OF_SESSION:
            raise ServiceError(ErrorCode.NO_WORKER, detail="too many event streams", retry_after=5)
        stream = EventStream(room, session, name, wanted, picture, client)
        self._places.take(stream)
        if len(following) >= MAX_STREAMS_OF_SESSION:  # the oldest has a connection that broke unnoticed
            following[0].end()
            following[0].reader.give_up()
        self._streams.setdefault(session, []).append(stream)
        self._of_room[room].add(stream)
        self.followed.set()
        try:
            with suppress(ServiceError):
                await self._look([stream])
        except BaseException:  # nobody will close it
            self.close(stream)
            raise
        return stream

    def close(self, stream: EventStream) -> None:
        streams = self._streams[stream.session]
        streams.remove(stream)
        self._of_room[stream.room].discard(stream)
        if not self._of_room[stream.room]:
            del self._of_room[stream.room]
        self._places.leave(stream)
        if not streams:
            del self._streams[stream.session]
        if not self._streams:
            self.followed.clear()

    def tell(self, room: RoomName, message: str) -> None:
        """Send a message to all who follow the room in this process."""
        for stream in self._of_room.get(room, ()):
            stream.tell(message)

    def close_all(self) -> None:
        """End every stream, and open no more: this process stops, and the viewers should ask another one."""
        self._closed = True
        for stream in self._all():
            stream.end()

    async def life(self, room: RoomName, session: SessionId) -> Living | None:
        """What its worker says about a session; None: it has ended."""
        worker = worker_of_session(session)
        if worker is None:
            return None
        try:
            living = await self._gateway.living(worker, [session], new_request_id(), room)
        except ServiceError as error:
            if error.code is ErrorCode.SESSION_NOT_FOUND:  # its worker is gone
                return None
            raise
        return living if session in living.sessions else None

    async def create(self, session: SessionId, wanted: frozenset[str]) -> str:
        """The name of a new stream of a living session, which any control process opens."""
        name = new_stream_name(wanted)
        await self._names.add(session, name)
        return name

    async def delete(self, session: SessionId, name: str) -> None:
        """A stream of that name is not opened again. Raises `SESSION_NOT_FOUND` when there is none."""
        if not await self._names.remove(session, name):
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        for stream in self._streams.get(session, []):
            if stream.name == name:
                stream.end()

    async def run(self) -> None:
        looks = 0
        while True:
            await beat(LOOK_SECONDS)
            if not self._streams:
                continue
            looks += 1
            try:
                await self._look(self._all())
                followed = {stream.room for stream in self._all()}
                self._layers = {name: told for name, told in self._layers.items() if name in followed}
                if looks % SESSIONS_EVERY_LOOKS == 0:
                    await self._end_those_without_session()
                if looks % KEEP_EVERY_LOOKS == 0:
                    await self._names.keep(list(self._streams))
            except ServiceError:  # Redis is away: media flows, and there is nothing to report
                continue
            except Exception:
                log.exception("event streams were not updated")

    async def _look(self, streams: Sequence[EventStream]) -> None:
        workers = {worker.id: worker for worker in await self._cluster.recent_workers()}
        await self._rooms.catch_up()
        rooms = {name: self._rooms.room(name) for name in {stream.room for stream in streams}}
        views = self._views(rooms)
        any_takes_viewers = any(map(takes_viewers, workers.values()))
        now = self._cluster.unix_time
        for stream in streams:
            worker = workers.get(stream.worker) if stream.worker else None
            if worker is None:  # gone with its sessions, or not announced again yet
                continue
            room, view = rooms[stream.room], views[stream.room]
            if room is not None:
                view = replace(view, delay=room.delay(worker.id))
            leaves = worker.state is WorkerState.DRAINING
            if leaves and now >= moves_at(stream.session, worker.drains_from, worker.drains_until):
                # elsewhere, if the room can be played there
                view = replace(view, reconnect=view.active and any_takes_viewers)
            stream.show(view)

    def _views(self, rooms: Mapping[RoomName, ClusterRoom | None]) -> dict[RoomName, RoomView]:
        views: dict[RoomName, RoomView] = {}
        for name, room in rooms.items():
            if room is None:
                views[name] = RoomView(active=False, viewers=0)
                continue
            layers = self._layers[name] = steady_layers(self._layers.get(name, ()), room.status.layers)
            views[name] = RoomView(room.status.has_publisher, room.status.subscribers, layers)
        return views

    async def _end_those_without_session(self) -> None:
        by_worker = defaultdict(list)
        for session, streams in self._streams.items():
            if worker := streams[0].worker:
                by_worker[worker].append(session)
        for worker, sessions in by_worker.items():
            try:
                living = set((await self._gateway.living(worker, sessions, new_request_id())).sessions)
            except ServiceError:  # it did not answer: the next look asks again
                continue
            for session in set(sessions) - living:
                for stream in self._streams.get(session, []):
                    stream.end()

    def _all(self) -> list[EventStream]:
        return [stream for streams in self._streams.values() for stream in streams]
