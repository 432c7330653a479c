"""One media worker as a process: what it tells the directory, with and without Redis, to its end."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from redis.asyncio import Redis

from deploy.tether import tethered
from deploy.valkey import EmbeddedValkey
from media.worker.addresses import own_addresses
from shared.bus import keys
from shared.bus.connection import connect
from shared.bus.directory import Directory
from shared.bus.rpc import RpcClient
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Answer, Closed, CloseRoom, Delete, Play, Publish, Role
from shared.messages.status import WorkerStatus
from shared.names import RequestId, RoomName, WorkerId
from tests.support.fork_server import Forked, fork_server
from tests.support.peer import Peer
from tests.support.system import free_port
from tests.support.waiting import eventually

R = TypeVar("R")
WORKER = WorkerId("w1")
ROOM = RoomName("demo")
START_SECONDS = 20.0
STOP_SECONDS = 3.0
IN_TIME = 10.0
BACK_SECONDS = 4.0  # a heartbeat, a reader's pause, and some for a busy machine


@dataclass
class Worker:
    """A worker process, and a control process's ends of RPC and directory."""

    process: Forked
    log: Path
    url: str
    redis: Redis
    rpc: RpcClient

    @property
    def directory(self) -> Directory:
        return Directory(self.redis)

    async def call(self, message: object, reply: type[R]) -> R:
        return await self.rpc.call(WORKER, message, reply, timeout=2.0, request_id=RequestId("test"))

    async def status(self) -> WorkerStatus | None:
        return next(iter(await self.directory.workers()), None)

    async def publish(self, peer: Peer) -> Answer:
        return await self.call(Publish(room=ROOM, offer=peer.offer()), Answer)

    async def play(self, peer: Peer) -> Answer:
        return await self.call(Play(room=ROOM, offer=peer.offer()), Answer)

    async def pair(self) -> tuple[Peer, Peer]:
        """A publisher and a viewer between whom media flows."""
        publisher, viewer = Peer(publishes=True), Peer(publishes=False)
        await publisher.connect((await self.publish(publisher)).sdp)
        await viewer.connect((await self.play(viewer)).sdp)
        await viewer.gets_media_of(publisher)
        return publisher, viewer

    async def is_announced(self) -> bool:
        """With its room, one viewer in it, and the claim."""
        status = await self.status()
        return (
            status is not None
            and [(room.name, room.subscribers) for room in status.rooms] == [(ROOM, 1)]
            and await self.directory.room_owner(ROOM) == WORKER
        )

    async def series(self, http: httpx.AsyncClient) -> dict[str, float]:
        """What its metrics say, by name and labels."""
        text = (await http.get(f"{self.url}/metrics")).text
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    async def stopped(self) -> int:
        return await asyncio.to_thread(self.process.wait, STOP_SECONDS)


def environment(redis_url: str, **settings: str) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "REDIS_URL": redis_url,
        "WORKER_ID": WORKER,
        "MEDIA_ADDR": "127.0.0.1:0",
        "LOG_FORMAT": "json",
        "DRAIN_SECONDS": "0",
        **settings,
    }


def start(redis_url: str, log: Path, **settings: str) -> Forked:
    return fork_server().start(["worker"], environment(redis_url, **settings), log)


@contextlib.asynccontextmanager
async def running(
    redis_url: str, folder: Path, *, http_addr: str = "", **settings: str
) -> AsyncIterator[Worker]:
    """A worker that announces itself. It must neither log a traceback nor end with an error."""
    address = http_addr or f"127.0.0.1:{free_port()}"
    log = folder / "worker.log"
    process = start(redis_url, log, WORKER_HTTP_ADDR=address, **settings)
    redis = connect(redis_url)
    rpc = RpcClient(redis, redis_url)
    reading = asyncio.create_task(rpc.run())
    worker = Worker(process, log, f"http://{address}", redis, rpc)
    try:
        await eventually("the worker is announced", worker.status, START_SECONDS)
        yield worker
        if process.poll() is None:
            process.terminate()
        assert await worker.stopped() == 0
        assert "Traceback" not in log.read_text()
    except BaseException:
        print(log.read_text()[-8000:], file=sys.stderr)
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reading.cancel()
        await asyncio.wait([reading])
        await redis.aclose()


async def test_a_worker_tells_of_its_rooms_before_it_answers(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path) as worker:
        publisher, viewer = Peer(publishes=True), Peer(publishes=False)
        published = await worker.publish(publisher)
        assert await worker.directory.room_owner(ROOM) == WORKER
        await worker.play(viewer)
        assert await worker.is_announced()
        with pytest.raises(ServiceError) as refused:
            await worker.publish(Peer(publishes=True))
        assert refused.value.code is ErrorCode.PUBLISHER_EXISTS
        await worker.call(Delete(session=published.session, room=ROOM, role=Role.PUBLISH), Closed)
        assert await worker.directory.room_owner(ROOM) is None
        status = await worker.status()
        assert status is not None
        assert (status.rooms, status.sessions) == ((), 0)


async def test_a_claim_lives_as_long_as_the_heartbeat(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path) as worker:
        await worker.publish(Peer(publishes=True))
        # shortened, so that only a beat can keep them
        names = {
            keys.room_claim(ROOM): keys.CLAIM_TTL_MS,
            keys.worker_status(WORKER): keys.HEARTBEAT_TTL_MS,
        }

        async def refreshed() -> bool:
            return all([await worker.redis.pttl(name) > ttl - 1000 for name, ttl in names.items()])

        for _ in range(2):
            for name in names:
                await worker.redis.pexpire(name, 2500)
            await eventually("a beat has renewed them", refreshed, 2.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_is_told_to_stop_leaves_no_key_and_no_client_waiting(
    redis_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    async with running(redis_url, tmp_path) as worker:
        publisher, viewer = await worker.pair()
        worker.process.send_signal(number)
        assert await worker.stopped() == 0
        assert await worker.redis.keys() == []
        for peer in (publisher, viewer):
            await eventually("it is told", lambda: peer.closed, IN_TIME)  # noqa: B023
            peer.close()


async def test_a_worker_stops_in_time_while_redis_is_away(tmp_path: Path) -> None:
    valkey = EmbeddedValkey()
    valkey.start()
    try:
        async with running(valkey.url, tmp_path) as worker:
            publisher, viewer = await worker.pair()
            valkey.stop()
            worker.process.terminate()
            assert await worker.stopped() == 0
            publisher.close()
            viewer.close()
    finally:
        valkey.stop()


async def test_redis_may_go_away_and_come_back_empty(tmp_path: Path) -> None:
    """Not a packet is lost to it, and the directory is true again as soon as there is one."""
    valkey = EmbeddedValkey()
    valkey.start()
    try:
        async with running(valkey.url, tmp_path) as worker:
            publisher, viewer = await worker.pair()
            for _ in range(2):
                valkey.stop()
                for _ in range(20):
                    await viewer.gets_media_of(publisher)
                assert await viewer.check()
                valkey.start()
                await viewer.gets_media_of(publisher)
                await eventually("all is announced again", worker.is_announced, BACK_SECONDS)
            late = Peer(publishes=False)
            answer = await eventually("RPC works again", lambda: played(worker, late), BACK_SECONDS)
            await late.connect(answer.sdp)
            await late.gets_media_of(publisher)
            assert (await worker.call(CloseRoom(room=ROOM), Closed)).sessions == 3
            for peer in (publisher, viewer, late):
                await eventually("it is told", lambda: peer.closed, IN_TIME)  # noqa: B023
                peer.close()
    finally:
        valkey.stop()


async def played(worker: Worker, peer: Peer) -> Answer | None:
    with contextlib.suppress(ServiceError):
        return await worker.play(peer)
    return None


async def test_a_worker_may_start_before_redis(tmp_path: Path) -> None:
    valkey = EmbeddedValkey()
    address = f"127.0.0.1:{free_port()}"
    process = start(valkey.url, tmp_path / "log", WORKER_HTTP_ADDR=address)
    try:
        async with httpx.AsyncClient() as http:

            async def healthy() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get(f"http://{address}/healthz")).text == "ok"
                return False

            await eventually("it is healthy", healthy, START_SECONDS)
        valkey.start()
        async with connect(valkey.url) as redis:
            workers = await eventually("it is announced", Directory(redis).workers, BACK_SECONDS)
        assert [worker.id for worker in workers] == [WORKER]
    finally:
        process.terminate()
        code = process.wait(STOP_SECONDS)
        valkey.stop()
    assert code == 0


async def test_a_room_that_another_worker_holds_by_now_is_given_up(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path) as worker:
        publisher, viewer = await worker.pair()
        await worker.redis.set(keys.room_claim(ROOM), "w2")
        for peer in (publisher, viewer):
            await eventually("it is told", lambda: peer.closed, IN_TIME)  # noqa: B023
            peer.close()

        async def gone() -> bool:
            status = await worker.status()
            return status is not None and not status.rooms

        await eventually("the room is gone", gone, IN_TIME)
        assert await worker.directory.room_owner(ROOM) == "w2"


async def test_health_and_metrics(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path) as worker, httpx.AsyncClient() as http:
        publisher, viewer = await worker.pair()
        assert (await http.get(f"{worker.url}/healthz")).text == "ok"
        series = await worker.series(http)
        assert series["live_rooms"] == 1
        assert series['live_subscribers{room="demo"}'] == 1
        assert series['live_rtp_packets_total{room="demo"}'] == publisher.sent
        assert series['live_rtp_bytes_total{room="demo"}'] == 20 * publisher.sent
        publisher.close()
        viewer.close()


async def test_a_rooms_series_end_with_it_and_the_workers_totals_go_on(
    redis_url: str, tmp_path: Path
) -> None:
    async with running(redis_url, tmp_path) as worker, httpx.AsyncClient() as http:
        publisher, viewer = await worker.pair()
        await eventually("all has arrived", lambda: len(viewer.rtp) == publisher.sent, IN_TIME)
        series = await worker.series(http)
        assert series['roomcast_sessions{role="publish",state="connected"}'] == 1
        assert series['roomcast_sessions{role="play",state="connected"}'] == 1
        assert series["roomcast_egress_packets_total"] == len(viewer.rtp)
        assert (await worker.call(CloseRoom(room=ROOM), Closed)).sessions == 2

        ended = await worker.series(http)
        assert not [name for name in ended if 'room="' in name]
        for name, value in series.items():
            if name.endswith(("_total", "_count", "_bucket")) and name.startswith("roomcast_"):
                assert ended[name] >= value, name
        assert ended["roomcast_ingress_packets_total"] == publisher.sent
        assert ended["roomcast_ingress_bytes_total"] == 20 * publisher.sent
        assert sum(value for name, value in ended.items() if name.startswith("roomcast_sessions{")) == 0
        for role in Role:
            assert ended[f'roomcast_sessions_opened_total{{role="{role}"}}'] == 1
            assert ended[f'roomcast_sessions_ended_total{{reason="room_closed",role="{role}"}}'] == 1
            assert ended[f'roomcast_handshake_seconds_count{{role="{role}"}}'] == 1
            assert 0 < ended[f'roomcast_connect_seconds_sum{{role="{role}"}}'] < IN_TIME
        assert ended['roomcast_rpc_serve_seconds_count{op="Publish",outcome="ok"}'] == 1
        assert ended['roomcast_rpc_serve_seconds_count{op="CloseRoom",outcome="ok"}'] == 1
        publisher.close()
        viewer.close()


async def test_an_idle_worker_measures_how_late_its_loop_is(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path) as worker, httpx.AsyncClient() as http:

        async def measured() -> bool:
            return (await worker.series(http))["roomcast_event_loop_lag_seconds_count"] > 0

        await eventually("a second has passed", measured, IN_TIME)


# --- a start that cannot be


@pytest.mark.parametrize("setting", ["MEDIA_ADDR", "WORKER_HTTP_ADDR"])
@pytest.mark.parametrize("value", ["taken", "203.0.113.7:0"])
def test_an_address_that_cannot_be_had_stops_the_start_with_one_line(setting: str, value: str) -> None:
    kind = socket.SOCK_DGRAM if setting == "MEDIA_ADDR" else socket.SOCK_STREAM
    with socket.socket(type=kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        addresses = {"WORKER_HTTP_ADDR": "127.0.0.1:0", setting: taken if value == "taken" else value}
        result = subprocess.run(
            tethered([sys.executable, "-m", "deploy.cli", "worker"]),
            env=environment("redis://127.0.0.1:1", **addresses),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"roomcast: {setting}: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("host", ["", "0.0.0.0"])
async def test_a_worker_that_listens_everywhere_announces_an_address_that_others_can_reach(
    redis_url: str, tmp_path: Path, host: str
) -> None:
    port = free_port()
    async with running(redis_url, tmp_path, http_addr=f"{host}:{port}") as worker:
        status = await worker.status()
        assert status is not None
        assert status.http_url in {f"http://{address}:{port}" for address in own_addresses()}
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{status.http_url}/healthz")).text == "ok"


async def test_an_address_may_be_a_host_name(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path, MEDIA_ADDR="localhost:0") as worker:
        publisher, viewer = await worker.pair()
        publisher.close()
        viewer.close()
