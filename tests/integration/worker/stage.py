"""One media worker as a process, with a control process's ends of RPC and directory."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from redis.asyncio import Redis

from shared.bus.connection import connect
from shared.directory.directory import Directory, read_room
from shared.messages.signalling import Answer, Play, Publish
from shared.messages.status import RoomStatus, WorkerStatus
from shared.names import RequestId, RoomName, WorkerId
from shared.rpc.client import RpcClient
from tests.support.fork_server import Forked, fork_server
from tests.support.free_ports import free_port
from tests.support.peer import Peer
from tests.support.sdp import sent_offer
from tests.support.system import START_SECONDS, Process
from tests.support.waiting import eventually

R = TypeVar("R")
WORKER = WorkerId("w1")
ROOM = RoomName("demo")
STOP_SECONDS = 3.0
IN_TIME = 10.0
BACK_SECONDS = 4.0  # a heartbeat, a reader's pause, and reserve for a busy machine


@dataclass
class Worker:
    """A worker process, and a control process's ends of RPC and directory."""

    process: Process
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

    async def rooms(self) -> list[RoomStatus]:
        """As the directory has them."""
        records = (await self.directory.records([WORKER]))[WORKER].packed
        return [room for record in records.values() if (room := read_room(record)) is not None]

    async def publish(self, peer: Peer) -> Answer:
        return await self.call(Publish(room=ROOM, offer=sent_offer(peer.offer())), Answer)

    async def play(self, peer: Peer) -> Answer:
        return await self.call(Play(room=ROOM, offer=sent_offer(peer.offer())), Answer)

    async def pair(self) -> tuple[Peer, Peer]:
        """A publisher and a viewer between whom media flows."""
        publisher, viewer = Peer(publishes=True), Peer(publishes=False)
        await publisher.connect((await self.publish(publisher)).sdp)
        await viewer.connect((await self.play(viewer)).sdp)
        await viewer.gets_media_of(publisher)
        return publisher, viewer

    async def is_announced(self) -> bool:
        """With its room, one viewer in it, and the claim."""
        return (
            await self.status() is not None
            and [(room.name, room.subscribers) for room in await self.rooms()] == [(ROOM, 1)]
            and await self.directory.room_owner(ROOM) == WORKER
        )

    async def series(self, http: httpx.AsyncClient) -> dict[str, float]:
        """Its metrics, by name and labels."""
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
    redis_url: str, folder: Path, *, http_addr: str = "", exit_code: int = 0, **settings: str
) -> AsyncIterator[Worker]:
    """A worker that announces itself. It must not log a traceback, and end with `exit_code`."""
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
        assert await worker.stopped() == exit_code
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
