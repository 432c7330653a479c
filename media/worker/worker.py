"""The media worker: composes its parts, runs them, and stops them in order."""

import asyncio
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import RedisError

from media.counts import Histogram
from media.details.describer import Describer
from media.recording.recorder import Recorder
from media.recording.shelf import Shelf
from media.relay.edge import Edge
from media.rooms.policy import Policy
from media.sessions.end_reason import EndReason
from media.stills.stills import Stills
from media.transport.ports import Ports
from media.worker.addresses import named
from media.worker.capacity import Capacity
from media.worker.card import CardUse
from media.worker.drain import Drain
from media.worker.event_teller import EventTeller
from media.worker.handlers import Handlers
from media.worker.heartbeat import Heartbeat
from media.worker.http import http_url, serve_http
from media.worker.media_plane import MediaPlane
from media.worker.metrics.capacity import LAG_BOUNDS
from media.worker.metrics.registry import new_registry
from media.worker.moderation import Moderation
from media.worker.public_address import PublicAddress
from media.worker.room_settings import FollowedSettings, known_keep_days
from media.worker.session_list import SessionList
from media.worker.session_traces import SessionTraces
from media.worker.ticker import Ticker
from shared.beat import until_beat
from shared.bus.connection import connect
from shared.bus.primary import follow
from shared.bus.redis_clock import RedisClock
from shared.directory.announcer import WorkerIdTakenError
from shared.directory.claims import RoomLimits
from shared.directory.directory import Directory
from shared.messages.events import EventType, Facts
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import RoomName
from shared.records.record_name import RecordName
from shared.records.store import Store
from shared.room_settings.settings_book import SettingsBook
from shared.rpc import metrics as rpc_metrics
from shared.rpc.client import RpcClient
from shared.rpc.server import RpcServer
from shared.rulings.ruling_book import RulingBook
from shared.settings.host_port import HostPort
from shared.settings.setting_types import secret
from shared.settings.settings import Settings
from shared.telemetry.logging import get_logger

MEASURE_SECONDS = 1.0
DELETES_SECONDS = 0.5  # after the end of the sessions, for their DELETE
FAREWELL_SECONDS = 0.5  # for the directory to learn that the rooms are free

log = get_logger()


class Worker:
    """Composes a worker in the running event loop.

    `run` returns the exit code when it has stopped. Raises `WorkerIdTakenError` if another worker has its id.
    """

    def __init__(self, settings: Settings, ports: Ports, listener: socket.socket) -> None:
        self._settings = settings
        self._ports = ports
        self._listener = listener
        self._id = settings.own_worker_id
        self._lag = Histogram(LAG_BOUNDS)
        max_egress = settings.worker_max_egress
        self._card = (
            None if isinstance(max_egress, int) else CardUse(ports.addresses, settings.media_relay_ips)
        )
        self._capacity = Capacity(
            settings.worker_max_load,
            settings.worker_max_viewers,
            max_egress if isinstance(max_egress, int) else 0,
        )
        self._http_url = http_url(settings, listener)
        url = secret(settings.redis_url)
        self._redis: Redis = connect(url)
        self._clock = RedisClock(self._redis)
        limits = RoomLimits(settings.max_rooms, settings.max_publishers_per_client)
        directory = Directory(self._redis, limits)
        self._settings_book = SettingsBook(
            self._redis, self._clock, lambda rooms: self._plane.rooms.follow(rooms)
        )
        policy = Policy(
            self._settings_book.of,
            settings.max_subs_per_room,
            settings.snapshots,
            settings.record_enabled,
            settings.record_keep_days,
        )
        self._events = EventTeller(self._redis, self._id, directory.process, self._clock.now, policy)
        self._describer = Describer(
            Path(settings.record_dir),
            (lambda: Store(settings)) if settings.upload_recordings else None,
            with_pictures=settings.snapshots,
        )
        self._recorder = Recorder(
            settings,
            self._recorded,
            self._describer.describe,
            known_keep_days(policy, self._settings_book),
            self._clock.now,
        )
        self._public = PublicAddress(tuple(ports), settings.media_public_ips, settings.media_stun_servers)
        self._plane = MediaPlane(
            self._id,
            ports,
            self._public.candidates,
            self._room_closed,
            self._events.chronicle,
            relay_addresses=named(settings.media_relay_ips, ports.addresses),
            recorder=self._recorder,
            policy=policy,
            max_viewers_per_client=settings.max_viewers_per_client,
            max_edges=settings.relay_max_edges,
            join_burst=settings.join_burst,
            grace=settings.publisher_grace,
            unix_clock=self._clock.now,
            asked=self._public.take,
        )
        self._drain = Drain(
            settings.drain_seconds, lambda: self._plane.depending, self._drain_changed, self._clock.now
        )
        self._heartbeat = Heartbeat(directory, self._id, self._status, self._plane.rooms, self._room_lost)
        self._stills = Stills(self._plane.rooms, unix_clock=self._clock.now)
        self._registry = new_registry(
            self._plane,
            ports,
            self._public,
            self._capacity,
            self._lag,
            self._recorder,
            self._events.chronicle,
            self._stills,
            self._describer,
            self._clock,
            settings,
        )
        self._calls = RpcClient(self._redis, url, rpc_metrics.called(self._registry), self._clock)
        self._edge = Edge(
            self._id,
            self._plane.rooms,
            self._plane.switch,
            self._plane.demux,
            ports.send,
            directory,
            self._calls,
            self._plane.origin,
            settings.publisher_grace,
        )
        self._book = RulingBook(self._redis, self._clock, lambda _: self._moderation.obey())
        self._moderation = Moderation(
            self._book,
            self._plane.rooms,
            self._plane.roster,
            self._heartbeat.flush,
            settings.worker_cut_off_seconds,
        )
        self._followed = FollowedSettings(self._settings_book, self._plane.rooms)
        self._traces = SessionTraces(self._plane.rooms)
        self._shelf = Shelf(Path(settings.record_dir), self._http_url)
        handlers = Handlers(
            self._plane,
            self._heartbeat,
            self._capacity,
            self._edge,
            self._drain,
            self._clock.now,
            self._moderation,
            self._traces,
        )
        self._rpc = RpcServer(
            self._redis,
            url,
            self._id,
            handlers.by_message()
            | self._shelf.handlers()
            | self._stills.handlers()
            | SessionList(self._plane.roster).handlers()
            | self._moderation.handlers()
            | self._followed.handlers(),
            rpc_metrics.served(self._registry),
            self._clock,
            handlers.unanswered,
            self._heartbeat.along,
        )
        self._ticker = Ticker(self._tick)
        self._id_taken: WorkerIdTakenError | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain.leave)
        loop.add_signal_handler(signal.SIGINT, self._drain.hurry)
        self._ports.start(self._plane.pump.turn, self._ticker.ride)
        try:
            await self._public.find()
            clients = [str(HostPort(*candidate)) for candidate in self._public.candidates.all]
            log.info("worker started", media=clients, http=self._http_url)
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(self._serve())
                bus = follow(secret(self._settings.redis_url)), self._calls.run()
                http = serve_http(self._listener, self._registry, self._shelf.routes())
                books = self._book.run(), self._settings_book.run()
                others = self._public.keep(), self._ticker.run(), self._measure(), http
                running = [serving, *map(tasks.create_task, (*bus, *books, *others))]
                self._describer.start()
                wanted = self._recorder, self._stills, self._card
                running += [tasks.create_task(each.run()) for each in wanted if each is not None]
                beating = tasks.create_task(self._announce(serving))
                telling = tasks.create_task(self._events.run(self._heartbeat.registered))
                await self._drain.over()
                log.info("worker stopping", sessions=len(self._plane.roster))
                await self._end_sessions()
                await self._drain.unless_hurried(self._recorder.rest())
                await self._hang_up(serving)
                for task in running:
                    task.cancel()
                await self._recorder.finish()
                telling.cancel()
                beating.cancel()  # last: this removes the worker from the directory
        finally:
            self._describer.stop()
            self._ports.close()
            await self._redis.aclose()
        if self._id_taken is None:
            return 0
        if not self._heartbeat.registered.is_set():
            raise self._id_taken
        return 1

    async def _serve(self) -> None:
        """The list of requests belongs to the process that has this worker's id."""
        await self._heartbeat.registered.wait()
        await self._book.read.wait()
        await self._settings_book.read.wait()
        await self._rpc.run()

    async def _announce(self, serving: asyncio.Task[None]) -> None:
        """Keep the directory true. A worker that has lost its id leaves its sessions the time of a drain."""
        try:
            await self._heartbeat.run()
        except WorkerIdTakenError as error:
            self._id_taken = error
            serving.cancel()
            if self._heartbeat.registered.is_set():
                log.error("another process has taken this worker's id: draining")
                self._drain.leave()
            else:
                self._drain.hurry()

    async def _hang_up(self, serving: asyncio.Task[None]) -> None:
        """Answer the requests that wait; whoever asks later is told at once that this worker has left."""
        if not self._heartbeat.registered.is_set() or self._id_taken is not None:
            return  # the list of requests is another process's
        with suppress(TimeoutError, RedisError, OSError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._rpc.close()
                await asyncio.wait({serving})

    async def _end_sessions(self) -> None:
        """Close all rooms and release their claims at once, so that publishers can use other workers.

        Clients that are told so by a DTLS close send their DELETE at once: they get the time for it.
        """
        self._capacity.draining = True
        left = len(self._plane.roster)
        await self._edge.close()
        self._plane.rooms.close_all(EndReason.WORKER_STOPS)
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._heartbeat.flush()
        if left:
            await self._drain.unless_hurried(asyncio.sleep(DELETES_SECONDS))

    def _room_closed(self, room: RoomName, was_heard: bool, reason: EndReason) -> None:
        was_closed = reason is EndReason.ROOM_CLOSED
        self._heartbeat.release(room, was_open=was_heard, was_closed=was_closed)

    def _recorded(self, kind: EventType, name: RecordName, facts: Facts) -> None:
        """Called in threads of the recorder."""
        if kind is EventType.RECORDING_READY:
            self._describer.due(name)
        self._events.recorded(kind, name, facts)

    def _tick(self, now: float) -> bool:
        """Returns whether there is anything to tick for."""
        self._plane.tick(now)
        self._edge.tick(now)
        self._traces.tick(now)
        self._moderation.tick(now)
        self._followed.tick(now)
        return not self._plane.is_at_rest

    async def _measure(self) -> None:
        while True:
            pause = until_beat(monotonic(), MEASURE_SECONDS)
            due = monotonic() + pause
            await asyncio.sleep(pause)
            now = monotonic()
            self._lag.observe(max(0.0, now - due))
            sent, octets = self._ports.tx_packets, self._ports.tx_bytes
            card = None if self._card is None else self._card.share
            self._capacity.measure(now, time.process_time(), sent, octets, card)

    def _status(self) -> WorkerStatus:
        return WorkerStatus(
            id=self._id,
            state=WorkerState.DRAINING if self._capacity.draining else WorkerState.READY,
            drain_seconds=self._settings.drain_seconds,
            drains_from=self._drain.began_at,
            drains_until=self._drain.until,
            http_url=self._http_url,
            load=round(self._capacity.load, 3),
            egress_packets=round(self._capacity.egress_packets, 1),
            egress_bits=round(self._capacity.egress_bits),
            egress_share=round(self._capacity.egress_share or 0.0, 3),
            sessions=len(self._plane.roster),
            viewers=self._plane.rooms.viewer_count,
            takes_publishers=self._capacity.takes_publishers,
            takes_viewers=self._capacity.takes_viewers(self._plane.viewers_at(monotonic())),
            new_rooms=self._plane.rooms.not_measured(monotonic()),
        )

    def _drain_changed(self, draining: bool) -> None:
        self._capacity.draining = draining
        self._plane.origin.leave(draining)
        self._plane.roster.drains = draining
        self._heartbeat.wake()

    def _room_lost(self, name: RoomName) -> None:
        log.warning("another worker owns the room now", room=name)
        self._plane.rooms.close(name, EndReason.ROOM_LOST)
