"""Streams of events to viewers, made from the directory: any control process serves any of them."""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import replace
from functools import cache

from control.events.places import Places
from control.events.stream_names import LIFE_SECONDS, StreamNames
from control.events.streams import LOOK_SECONDS, Stream, Streams
from control.events.viewer_text import (
    State,
    message_text,
    moves_at,
    new_stream_name,
    states,
    steady_layers,
)
from control.workers.cluster import Cluster
from control.workers.cluster_rooms import ClusterRoom
from control.workers.gateway import Gateway
from control.workers.placement import takes_viewers
from control.workers.room_list import RoomList
from control.workers.turns import in_chunks
from shared.bus import keys
from shared.errors import ErrorCode, ServiceError
from shared.messages.status import LayerStatus, WorkerState, WorkerStatus
from shared.names import RoomName, SessionId, new_request_id, worker_of_session

SESSIONS_EVERY_LOOKS = 4  # each fourth look asks the workers which sessions are alive
# A worker that is only cut off from Redis streams on: it is missed in so many answers in a row, for a minute.
GONE_ANSWERS = int(keys.SWEEP_SECONDS / LOOK_SECONDS / SESSIONS_EVERY_LOOKS)
KEEP_EVERY_LOOKS = int(LIFE_SECONDS / LOOK_SECONDS / 4)  # then the streams that are followed are kept alive
MAX_STREAMS_OF_SESSION = 3
MOST_MESSAGES = 50  # that wait for a slow reader: the oldest go first


class ViewerStream(Stream):
    """One viewer's stream. It ends with its session.

    `picture` is the place of the section (m-line) with the picture in its SDP; None: it gets none.
    """

    kind = "viewers"

    def __init__(
        self,
        client: str,
        room: RoomName,
        session: SessionId,
        name: str,
        wanted: frozenset[str],
        picture: int | None,
    ) -> None:
        super().__init__(client, [room, session])
        self.room = room
        self.session = session
        self.worker = worker_of_session(session)
        self.name = name
        self.picture = picture
        self._wanted = wanted
        self._messages: deque[bytes] = deque(maxlen=MOST_MESSAGES)

    def show_all(self, room: Collection[State]) -> None:
        for state in room:
            event = state.text if state.event in self._wanted else b""
            self.show(state.name, event, granted=state.granted)

    def tell(self, message: bytes) -> None:
        """Send a message, if this stream has any."""
        if "message" in self._wanted:
            self._messages.append(message)
            self.wake()

    async def _news(self) -> AsyncIterator[bytes]:
        if text := self._shown():
            yield text
        if self._messages:  # in one write, however many came since the last one
            told = b"".join(self._messages)
            self._messages.clear()
            yield told


class ViewerStreams(Streams[ViewerStream]):
    """All viewers' streams of this process."""

    def __init__(
        self, cluster: Cluster, rooms: RoomList, gateway: Gateway, names: StreamNames, places: Places
    ) -> None:
        super().__init__(places)
        self._cluster = cluster
        self._rooms = rooms
        self._gateway = gateway
        self._names = names
        self._layers: dict[RoomName, tuple[LayerStatus, ...]] = {}  # of each room, as they were told
        self._missed: dict[str, int] = {}  # in how many answers in a row each worker was not alive

    async def follow(self, stream: ViewerStream) -> ViewerStream:
        """Report to a living session's stream; `close` it when its reader has gone.

        Raises `NO_WORKER` when there are too many or Redis is away.
        """
        await self.open(stream)
        following = [each for each in self.of[stream.session] if not each.ended]
        for oldest in following[:-MAX_STREAMS_OF_SESSION]:  # its connection broke unnoticed
            oldest.end()
        return stream

    async def check_name(self, session: SessionId, name: str) -> None:
        """Raises `SESSION_NOT_FOUND` unless a stream has no name or was created."""
        if name and not await self._names.has(session, name):
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)

    def tell(self, room: RoomName, message: str) -> None:
        """Send a message to all who follow the room in this process."""
        text = message_text(message)
        for stream in self.of.get(room, ()):
            stream.tell(text)

    async def create(self, session: SessionId, wanted: frozenset[str]) -> str:
        """The name of a new stream of a living session, which any control process opens."""
        name = new_stream_name(wanted)
        await self._names.add(session, name)
        return name

    async def delete(self, session: SessionId, name: str) -> None:
        """A stream of that name is not opened again. Raises `SESSION_NOT_FOUND` when there is none."""
        if not await self._names.remove(session, name):
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        for stream in self.of.get(session, ()):
            if stream.name == name:
                stream.end()

    async def _begin(self, stream: ViewerStream) -> None:
        with suppress(ServiceError):
            await self._report([stream])

    async def _look(self) -> None:
        if not self.all:
            return
        await self._report(self.all)
        self._layers = {name: told for name, told in self._layers.items() if name in self.of}
        if self._looks % SESSIONS_EVERY_LOOKS == 0:
            await self._end_those_without_session()
        if self._looks % KEEP_EVERY_LOOKS == 0:
            await self._names.keep([*{stream.session for stream in self.all}])

    async def _report(self, streams: Collection[ViewerStream]) -> None:
        workers = {worker.id: worker for worker in await self._cluster.recent_workers()}
        await self._rooms.catch_up()
        any_takes_viewers = any(map(takes_viewers, workers.values()))
        now = self._cluster.unix_time

        @cache
        def of_room(name: RoomName, worker: str, picture: int | None, moves: bool) -> tuple[State, ...]:
            return tuple(states(self._room(name), worker, picture, moves=moves))

        async for some in in_chunks(tuple(streams)):
            for stream in some:
                worker = workers.get(stream.worker or "")
                if worker is not None:  # otherwise gone with its sessions, or not announced again yet
                    moves = any_takes_viewers and _leaves(worker, stream.session, now)
                    stream.show_all(of_room(stream.room, worker.id, stream.picture, moves))

    def _room(self, name: RoomName) -> ClusterRoom | None:
        """The room, with the layers that were told unless others differ in what a viewer cares for."""
        room = self._rooms.room(name)
        if room is None:
            return None
        layers = self._layers[name] = steady_layers(self._layers.get(name, ()), room.status.layers)
        return replace(room, status=replace(room.status, layers=layers))

    async def _end_those_without_session(self) -> None:
        by_worker = defaultdict(set)
        for stream in self.all:
            if stream.worker:
                by_worker[stream.worker].add(stream.session)
        before, self._missed = self._missed, {}
        for worker, sessions in by_worker.items():
            living: Collection[str] = ()
            try:
                living = (await self._gateway.living(worker, [*sessions], new_request_id())).sessions
            except ServiceError as error:
                if error.code is not ErrorCode.SESSION_NOT_FOUND:  # no answer: the next look asks again
                    continue
                self._missed[worker] = before.get(worker, 0) + 1
                if self._missed[worker] < GONE_ANSWERS:
                    continue
            for session in sessions.difference(living):
                for stream in self.of.get(session, ()):
                    stream.end()


def _leaves(worker: WorkerStatus, session: SessionId, now: float) -> bool:
    is_draining = worker.state is WorkerState.DRAINING
    return is_draining and now >= moves_at(session, worker.drains_from, worker.drains_until)
