"""A store, and workers that have recordings: a real shelf behind real RPC and real HTTP, without media."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from control.workers import every_worker
from media.recording.shelf import Shelf
from media.worker.http import serve_http
from shared.bus import keys
from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.http.server import listen
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import WorkerId
from shared.rpc.server import RpcServer
from shared.settings.host_port import HostPort
from tests.integration.control.conftest import PATIENCE_SECONDS, start_control
from tests.integration.recording.recorded_room import STREAM_SECONDS, Streams
from tests.support.rtp_source import audio, video
from tests.support.s3_server import S3Server, s3_server

__all__ = ["start_control"]

StartShelf = Callable[[str, Path], Awaitable[str]]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control leaves out what a worker has that does not answer in time; here it shares its process."""
    monkeypatch.setattr(every_worker, "RPC_SECONDS", PATIENCE_SECONDS)


@pytest.fixture(scope="session")
def streams() -> Streams:
    return audio(STREAM_SECONDS), video("VP8", STREAM_SECONDS)


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
async def start_shelf(redis_url: str) -> AsyncIterator[StartShelf]:
    """Starts a worker of this name that has this folder; gives its URL."""
    async with contextlib.AsyncExitStack() as stack:
        redis = await stack.enter_async_context(connect(redis_url))
        tasks: list[asyncio.Task[None]] = []

        async def start(name: str, folder: Path) -> str:
            listener = listen("WORKER_HTTP_ADDR", HostPort("127.0.0.1", 0))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            shelf = Shelf(folder, url)
            server = RpcServer(redis, redis_url, WorkerId(name), shelf.handlers())
            tasks.append(asyncio.create_task(serve_http(listener, CollectorRegistry(), shelf.routes())))
            tasks.append(asyncio.create_task(server.run()))
            status = WorkerStatus(id=name, state=WorkerState.READY, http_url=url)
            await Directory(redis).beat(status, [])
            tasks.append(asyncio.create_task(keep_beating(Directory(redis), status)))
            return url

        yield start
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def keep_beating(directory: Directory, status: WorkerStatus) -> None:
    while True:
        await asyncio.sleep(keys.HEARTBEAT_SECONDS)
        await directory.beat(status, [])
