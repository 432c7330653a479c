"""Streams of workers, rooms, sessions, rulings and totals, for operators (`GET /api/admin/events`).

One look each 2.5 s serves all streams of a process; without streams nothing is asked, but for a sample of the
totals each 5 s, which is made of what is known.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from time import monotonic

from control.events.operator_text import (
    SessionFilter,
    rulings_event,
    sessions_event,
    totals_event,
    workers_event,
)
from control.events.room_feed import RoomFeed
from control.events.room_streams import RoomStream, RoomStreams
from control.events.totals import EVERY_SECONDS, Totals
from control.metrics import HttpMetrics
from control.workers.cluster import Cluster
from control.workers.every_worker import EveryWorker
from control.workers.room_list import RoomList
from shared.beat import until_beat
from shared.errors import ServiceError
from shared.messages.sessions import ListedSessions, ListSessions
from shared.messages.status import WorkerStatus
from shared.names import new_request_id
from shared.rulings.ruling_book import RulingBook
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 2.5  # each second look takes a sample

log = get_logger()


class OperatorStream(RoomStream):
    """One operator's stream. `may_go_on`: whether its credential still opens it."""

    kind = "operators"
    most = 50  # of a process: each may ask all workers for the sessions of another room

    def __init__(
        self,
        client: str,
        feed: RoomFeed,
        totals: Totals,
        sessions: SessionFilter,
        may_go_on: Callable[[], bool],
    ) -> None:
        super().__init__(client, (), detailed=True, feed=feed)
        self.sessions = sessions
        self.may_go_on = may_go_on
        self._totals = totals
        self._samples = 0  # that it has sent

    async def _news(self) -> AsyncIterator[bytes]:
        if self._totals.number != self._samples:
            samples, self._samples = self._totals.since(self._samples), self._totals.number
            yield totals_event(samples)
        async for text in super()._news():
            yield text


class OperatorStreams:
    """All operators' streams of this process. `run` must be running for them to report anything."""

    def __init__(
        self,
        cluster: Cluster,
        rooms: RoomList,
        room_streams: RoomStreams,
        workers: EveryWorker,
        book: RulingBook,
        metrics: HttpMetrics,
    ) -> None:
        self._cluster = cluster
        self._rooms = rooms
        self._room_streams = room_streams
        self._workers = workers
        self._book = book
        self._metrics = metrics
        self._totals = Totals()
        self._sampled_at = monotonic() - EVERY_SECONDS
        self._opened = asyncio.Event()  # a stream that knows nothing yet

    async def follow(
        self, sessions: SessionFilter, may_go_on: Callable[[], bool], client: str
    ) -> OperatorStream:
        """A stream; `close` it when its reader has gone.

        Raises `NO_WORKER` when there are too many streams or Redis is away.
        """
        self._book.check_read()
        feed = self._room_streams.of_operators
        stream = OperatorStream(client, feed, self._totals, sessions, may_go_on)
        await self._room_streams.open(stream)
        self._opened.set()
        return stream

    def close(self, stream: OperatorStream) -> None:
        self._room_streams.close(stream)

    @property
    def _streams(self) -> list[OperatorStream]:
        return [stream for stream in self._room_streams.all if isinstance(stream, OperatorStream)]

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._look()
            except ServiceError:  # Redis is away, and there is nothing to report
                pass
            except Exception:
                log.exception("event streams of operators were not updated")
            with suppress(TimeoutError):
                async with asyncio.timeout(until_beat(loop.time(), LOOK_SECONDS)):
                    await self._opened.wait()
            self._opened.clear()

    async def _look(self) -> None:
        for stream in self._streams:
            if not stream.may_go_on():
                stream.end()
        if monotonic() - self._sampled_at >= EVERY_SECONDS:
            await self._sample()
        if self._streams:
            self._tell_workers(await self._cluster.recent_workers())
            self._tell_rulings()
            await self._tell_sessions()

    async def _sample(self) -> None:
        self._sampled_at = monotonic()
        workers: list[WorkerStatus] | None = None
        with suppress(ServiceError):  # a gap is true, a zero would be false
            workers = await self._cluster.recent_workers()
        offers, errors = self._metrics.offers, self._metrics.errors
        rooms = self._rooms.count
        self._totals.take(self._cluster.unix_time, monotonic(), workers, rooms, offers, errors)
        for stream in self._streams:
            stream.wake()

    def _tell_workers(self, workers: list[WorkerStatus]) -> None:
        event = workers_event(workers, self._rooms.count_of)
        for stream in self._streams:
            stream.show("workers", event)

    def _tell_rulings(self) -> None:
        rulings, now = self._book.rulings, self._book.now()
        event = rulings_event(rulings.blocks(now), rulings.revocations(now))
        for stream in self._streams:
            stream.show("rulings", event)

    async def _tell_sessions(self) -> None:
        by_room: dict[str, list[OperatorStream]] = {}
        for stream in self._streams:
            by_room.setdefault(stream.sessions.room, []).append(stream)
        for room, streams in by_room.items():
            replies = await self._workers.ask(ListSessions(room=room), ListedSessions, new_request_id())
            events: dict[SessionFilter, bytes] = {}
            for stream in streams:
                wanted = stream.sessions
                if wanted not in events:
                    events[wanted] = sessions_event(replies, wanted)
                stream.show("sessions", events[wanted])
