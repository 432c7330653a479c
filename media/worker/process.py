"""The media worker's process: one UDP socket, its rooms, and its ends of RPC and directory."""

import asyncio
import gc
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from time import monotonic

import uvloop
from redis.asyncio import Redis

from media.counts import Histogram
from media.recording.recorder import Recorder
from media.recording.shelf import Shelf
from media.relay.edge import Edge
from media.rooms.rooms import Rooms
from media.sessions.end_reason import EndReason
from media.transport.udp import UdpPort
from media.worker.addresses import advertised, own_addresses, reached_at
from media.worker.capacity import Capacity
from media.worker.drain import Drain
from media.worker.handlers import Handlers
from media.worker.heartbeat import Heartbeat
from media.worker.http import serve_http
from media.worker.metrics.event_loop import LAG_BOUNDS
from media.worker.metrics.registry import new_registry
from media.worker.session_list import SessionList
from media.worker.ticker import Ticker
from shared.bus import rpc_metrics
from shared.bus.connection import connect
from shared.bus.directory import Directory
from shared.bus.rpc_client import RpcClient
from shared.bus.rpc_server import RpcServer
from shared.host_port import HostPort
from shared.http_server import listen
from shared.logging import configure_logging, get_logger
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import RoomName
from shared.settings import Settings, SettingsError, secret

MEASURE_SECONDS = 1.0
FAREWELL_SECONDS = 0.5  # for the directory to hear that the rooms are free

log = get_logger()


def serve(settings: Settings) -> None:
    """Run a worker until SIGTERM, which empties it first, or SIGINT, which does not.

    Raises `SettingsError` when its addresses cannot be had.
    """
    configure_logging(settings.log_level, settings.log_format, plane="media", worker=settings.own_worker_id)
    try:
        port = UdpPort(settings.media_addr.host or "0.0.0.0", settings.media_addr.port)  # noqa: S104
    except OSError as error:
        raise SettingsError(f"MEDIA_ADDR: {settings.media_addr}: {error.strerror}") from None
    listener = listen("WORKER_HTTP_ADDR", settings.worker_http_addr)
    # What was imported lives as long as the process: the collector need not look at it again.
    gc.freeze()
    uvloop.run(Worker(settings, port, listener).run())


class Worker:
    """Composes a worker; `run` is its life."""

    def __init__(self, settings: Settings, port: UdpPort, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._id = settings.own_worker_id
        self._port = port
        self._lag = Histogram(LAG_BOUNDS)
        self._capacity = Capacity(settings.worker_max_load, settings.worker_max_viewers)
        http_host, http_port = settings.worker_http_addr
        self._http_url = f"http://{HostPort(reached_at(http_host, own_addresses()), http_port)}"
        host, media_port = port.address[:2]
        addresses = advertised(host, settings.media_public_ips, own_addresses())
        self._recorder = Recorder(settings) if settings.record_enabled else None
        self._rooms = Rooms(
            self._id,
            port,
            tuple((address, media_port) for address in addresses),
            settings.max_subs_per_room,
            self._room_closed,
            self._recorder,
            tuple((address, media_port) for address in settings.media_relay_ips),
            settings.join_burst,
            grace=settings.publisher_grace,
        )

    async def run(self) -> None:
        self._drain = Drain(
            self._settings.drain_seconds, lambda: self._rooms.session_count, self._drain_changed
        )
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain.leave)
        loop.add_signal_handler(signal.SIGINT, self._drain.hurry)
        url = secret(self._settings.redis_url)
        redis: Redis = connect(url)
        directory = Directory(redis)
        self._heartbeat = Heartbeat(directory, self._id, self._status, self._rooms.names, self._room_lost)
        registry = new_registry(self._rooms, self._port, self._capacity, self._lag, self._recorder)
        calls = RpcClient(redis, url, rpc_metrics.called(registry))
        self._edge = Edge(
            self._id, self._rooms, directory, calls, self._port.send, self._settings.publisher_grace
        )
        shelf = Shelf(Path(self._settings.record_dir), self._http_url)
        rpc = RpcServer(
            redis,
            url,
            self._id,
            Handlers(self._rooms, self._heartbeat, self._capacity, self._edge, self._drain).by_message()
            | shelf.handlers()
            | SessionList(self._rooms.sessions).handlers(),
            rpc_metrics.served(registry),
        )
        ticker = Ticker(self._tick)
        self._port.start(self._rooms.demux.receive, ticker.ride)
        log.info("worker started", media=str(self._settings.media_addr), http=self._http_url)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(rpc.run()),
                    tasks.create_task(calls.run()),
                    tasks.create_task(ticker.run()),
                    tasks.create_task(self._measure()),
                    tasks.create_task(serve_http(self._listener, registry, shelf.routes())),
                ]
                if self._recorder is not None:
                    running.append(tasks.create_task(self._recorder.run()))
                beating = tasks.create_task(self._heartbeat.run())
                await self._drain.over()
                log.info("worker stops", sessions=self._rooms.session_count)
                await self._end_sessions()
                if self._recorder is not None:
                    await self._drain.unless_hurried(self._recorder.upload_rest())
                for task in running:
                    task.cancel()
                if self._recorder is not None:
                    await self._recorder.finish()
                beating.cancel()  # last: it takes the worker out of the directory
        finally:
            self._port.close()
            await redis.aclose()

    async def _end_sessions(self) -> None:
        """End all, and give the rooms' claims back at once: their publishers come back to other workers."""
        self._capacity.draining = True
        await self._edge.close()
        self._rooms.close_all(EndReason.WORKER_STOPS)
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._heartbeat.flush()

    def _tick(self, now: float) -> None:
        self._rooms.tick(now)
        self._edge.tick(now)

    async def _measure(self) -> None:
        while True:
            due = monotonic() + MEASURE_SECONDS
            await asyncio.sleep(MEASURE_SECONDS)
            now = monotonic()
            self._lag.observe(max(0.0, now - due))
            self._capacity.measure(now, time.process_time(), self._port.tx_packets)

    def _status(self) -> WorkerStatus:
        return WorkerStatus(
            id=self._id,
            state=WorkerState.DRAINING if self._capacity.draining else WorkerState.READY,
            drains_from=self._drain.began_at,
            drains_until=self._drain.until,
            http_url=self._http_url,
            load=round(self._capacity.load, 3),
            egress_packets=round(self._capacity.egress_packets, 1),
            sessions=self._rooms.session_count,
            viewers=self._rooms.viewer_count,
            takes_publishers=self._capacity.takes_publishers,
            takes_viewers=self._capacity.takes_viewers(self._rooms.viewer_count),
            rooms=self._rooms.statuses(),
        )

    def _drain_changed(self, draining: bool) -> None:
        self._capacity.draining = draining
        self._heartbeat.wake()

    def _room_closed(self, name: RoomName) -> None:
        self._heartbeat.release(name)

    def _room_lost(self, name: RoomName) -> None:
        log.warning("room is another worker's by now", room=name)
        self._rooms.close(name, EndReason.ROOM_LOST)
