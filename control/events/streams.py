"""Streams of events to viewers, made from the directory: any control process serves any of them.

One read of the directory a second is enough for all streams of a process. While Redis is away, the streams
stay open and silent; when it is back, they report what has changed meanwhile.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import replace

from redis.asyncio import Redis

from control.events.text import KEEP_ALIVE, RoomView, changes, moves_at
from control.workers.cluster import LIMIT_SECONDS, Cluster
from control.workers.cluster_rooms import cluster_rooms
from control.workers.gateway import Gateway
from control.workers.placement import Placement
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.errors import ErrorCode, ServiceError
from shared.logging import get_logger
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import RoomName, SessionId, new_request_id, worker_of_session

LOOK_SECONDS = 1.0
SESSIONS_EVERY_LOOKS = 4  # each fourth look asks the workers which sessions are alive
KEEP_ALIVE_SECONDS = 15.0
MAX_STREAMS = 10_000  # in one process
MAX_STREAMS_OF_SESSION = 3
DELETED_SECONDS = 3600  # for which a deleted stream is remembered

log = get_logger()


class EventStream:
    """One viewer's stream: `text` yields what to send. It ends with its session."""

    def __init__(self, room: RoomName, session: SessionId, wanted: frozenset[str]) -> None:
        self.room = room
        self.session = session
        self.worker = worker_of_session(session)
        self._wanted = wanted
        self._sent: RoomView | None = None
        self._now: RoomView | None = None
        self._ended = False
        self._wake = asyncio.Event()

    def show(self, view: RoomView) -> None:
        if view != self._now:
            self._now = view
            self._wake.set()

    def end(self) -> None:
        self._ended = True
        self._wake.set()

    async def text(self) -> AsyncIterator[str]:
        yield KEEP_ALIVE  # at once: the response headers must not wait for the first event
        while not self._ended:
            if self._now is not None:
                before, self._sent = self._sent, self._now
                for event in changes(before, self._now, self._wanted):
                    yield event
            self._wake.clear()
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                yield KEEP_ALIVE


class EventStreams:
    """All streams of this process. `run` must be running for them to report anything."""

    def __init__(
        self, cluster: Cluster, gateway: Gateway, placement: Placement, redis: Redis, watch: RedisWatch
    ) -> None:
        self._watch = watch
        self._cluster = cluster
        self._gateway = gateway
        self._placement = placement
        self._redis = redis
        self._streams: dict[SessionId, list[EventStream]] = {}
        self._count = 0
        self._closed = False

    async def open(
        self, room: RoomName, session: SessionId, name: str, wanted: frozenset[str]
    ) -> EventStream:
        """A stream of a living session; `close` it when its reader has gone.

        Raises `SESSION_NOT_FOUND` when it was deleted, `NO_WORKER` when there are too many or Redis is away.
        """
        if self._closed or self._count >= MAX_STREAMS:
            raise ServiceError(ErrorCode.NO_WORKER, detail="too many event streams", retry_after=5)
        if await self._is_deleted(name):
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        stream = EventStream(room, session, wanted)
        streams = self._streams.setdefault(session, [])
        streams.append(stream)
        self._count += 1
        if len(streams) > MAX_STREAMS_OF_SESSION:  # the oldest belongs to a connection that broke unnoticed
            streams[0].end()
        with suppress(ServiceError):
            self._show([stream], await self._cluster.recent_workers())
        return stream

    def close(self, stream: EventStream) -> None:
        streams = self._streams[stream.session]
        streams.remove(stream)
        self._count -= 1
        if not streams:
            del self._streams[stream.session]

    def close_all(self) -> None:
        """End every stream, and open no more: this process stops, and the viewers should ask another one."""
        self._closed = True
        for stream in self._all():
            stream.end()

    async def is_alive(self, session: SessionId) -> bool:
        worker = worker_of_session(session)
        if worker is None:
            return False
        try:
            return session in await self._gateway.living(worker, [session], new_request_id())
        except ServiceError as error:
            if error.code is ErrorCode.SESSION_NOT_FOUND:  # its worker is gone
                return False
            raise

    async def delete(self, name: str) -> None:
        """A stream of that name is not opened again."""
        async with self._watch.bounded(LIMIT_SECONDS):
            await self._redis.set(keys.deleted_stream(name), b"", ex=DELETED_SECONDS)

    async def run(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._streams:
                continue
            looks += 1
            try:
                self._show(self._all(), await self._cluster.recent_workers())
                if looks % SESSIONS_EVERY_LOOKS == 0:
                    await self._end_those_without_session()
            except ServiceError:  # Redis is away: media flows, and there is nothing to report
                continue
            except Exception:
                log.exception("event streams were not updated")

    def _show(self, streams: Iterable[EventStream], workers: list[WorkerStatus]) -> None:
        living = {worker.id for worker in workers}
        leaving = {worker.id: worker for worker in workers if worker.state is WorkerState.DRAINING}
        views = {
            room.status.name: RoomView(room.status.has_publisher, room.status.subscribers)
            for room in cluster_rooms(workers)
        }
        nobody = RoomView(active=False, viewers=0)
        elsewhere: dict[RoomName, bool] = {}  # whether the room can be played on another worker
        now = self._cluster.unix_time
        for stream in streams:
            if stream.worker not in living:  # gone with its sessions, or not announced again yet
                continue
            view = views.get(stream.room, nobody)
            worker = leaving.get(stream.worker)
            if worker and now >= moves_at(stream.session, worker.drains_from, worker.drains_until):
                if stream.room not in elsewhere:
                    elsewhere[stream.room] = self._placement.can_play(stream.room, workers)
                view = replace(view, reconnect=elsewhere[stream.room])
            stream.show(view)

    async def _end_those_without_session(self) -> None:
        by_worker = defaultdict(list)
        for session, streams in self._streams.items():
            if worker := streams[0].worker:
                by_worker[worker].append(session)
        for worker, sessions in by_worker.items():
            try:
                living = set(await self._gateway.living(worker, sessions, new_request_id()))
            except ServiceError:  # it did not answer: the next look asks again
                continue
            for session in set(sessions) - living:
                for stream in self._streams.get(session, []):
                    stream.end()

    async def _is_deleted(self, name: str) -> bool:
        async with self._watch.bounded(LIMIT_SECONDS):
            return bool(await self._redis.exists(keys.deleted_stream(name)))

    def _all(self) -> list[EventStream]:
        return [stream for streams in self._streams.values() for stream in streams]
