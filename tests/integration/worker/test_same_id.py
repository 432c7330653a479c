"""Of two processes with the same worker id one works; a worker that crashed may start again at once."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.worker import heartbeat
from shared.bus import keys
from shared.bus.connection import connect
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Closed, CloseRoom
from tests.integration.worker.stage import (
    BACK_SECONDS,
    IN_TIME,
    ROOM,
    START_SECONDS,
    WORKER,
    Worker,
    running,
    start,
)
from tests.support.fork_server import Forked
from tests.support.own_valkey import OwnValkey
from tests.support.waiting import eventually

REFUSED = "roomcast: WORKER_ID: another worker is running as w1\n"


@contextlib.contextmanager
def second(redis_url: str, folder: Path) -> Iterator[tuple[Forked, Path]]:
    """Another process with the id of `running`'s, on ports of its own, and its log."""
    log = folder / "second.log"
    log.touch()
    process = start(redis_url, log, WORKER_HTTP_ADDR="127.0.0.1:0")
    try:
        yield process, log
    finally:
        process.kill()
        process.wait()


async def code(process: Forked) -> int:
    return await asyncio.to_thread(process.wait, START_SECONDS)


async def holder(worker: Worker) -> bytes | None:
    found: bytes | None = await worker.redis.get(keys.worker_process(WORKER))
    return found


async def test_the_second_refuses_to_start_and_does_not_touch_the_first(
    redis_url: str, tmp_path: Path
) -> None:
    async with running(redis_url, tmp_path) as worker:
        publisher, viewer = await worker.pair()
        first = await holder(worker)
        with second(redis_url, tmp_path) as (process, log):
            await eventually("it waits", lambda: "waiting" in log.read_text(), START_SECONDS)
            answers = [await worker.call(CloseRoom(room="other"), Closed) for _ in range(10)]
            assert await code(process) == 2
        assert log.read_text().count(REFUSED) == 1
        assert "Traceback" not in log.read_text()
        assert answers == [Closed(sessions=0)] * 10
        assert await holder(worker) == first
        assert await worker.is_announced()
        await viewer.gets_media_of(publisher)
        publisher.close()
        viewer.close()


async def test_a_crashed_worker_may_start_again_at_once(redis_url: str, tmp_path: Path) -> None:
    crashed = start(redis_url, tmp_path / "crashed.log", WORKER_HTTP_ADDR="127.0.0.1:0")
    try:
        async with connect(redis_url) as redis:
            has_its_id = lambda: redis.exists(keys.worker_process(WORKER))  # noqa: E731
            await eventually("it has its id", has_its_id, START_SECONDS)
    finally:
        crashed.kill()
        crashed.wait()
    began = time.monotonic()
    async with running(redis_url, tmp_path) as worker:

        async def serves() -> bool:
            with contextlib.suppress(ServiceError):
                return await worker.call(CloseRoom(room=ROOM), Closed) == Closed(sessions=0)
            return False

        await eventually("it serves", serves, START_SECONDS)
        print(f"back {time.monotonic() - began:.1f} s after the crash")


async def test_a_worker_whose_id_was_taken_over_serves_its_sessions_and_stops(
    redis_url: str, tmp_path: Path
) -> None:
    """As when Redis came back empty and another process was first."""
    async with running(redis_url, tmp_path, exit_code=1, DRAIN_SECONDS="2") as worker:
        publisher, viewer = await worker.pair()
        await worker.redis.set(keys.worker_process(WORKER), "another", ex=60)
        await worker.redis.set(keys.worker_status(WORKER), "its status", ex=60)
        await eventually("it notices", lambda: "taken this worker's id" in worker.log.read_text(), IN_TIME)
        for _ in range(10):
            await viewer.gets_media_of(publisher)
        # requests are for the other one, which this test does not have
        with pytest.raises(ServiceError) as refused:
            await worker.call(CloseRoom(room=ROOM), Closed)
        assert refused.value.code is ErrorCode.NO_WORKER
        for peer in (publisher, viewer):
            await eventually("it is told", lambda: peer.closed, IN_TIME)  # noqa: B023
            peer.close()
        assert await worker.redis.get(keys.worker_status(WORKER)) == b"its status"
        assert await holder(worker) == b"another"


async def test_when_redis_comes_back_empty_the_first_keeps_its_id(
    own_valkey: OwnValkey, tmp_path: Path
) -> None:
    async with running(own_valkey.url, tmp_path) as worker:
        publisher, viewer = await worker.pair()
        own_valkey.stop()
        with second(own_valkey.url, tmp_path) as (process, log):
            await eventually("it looks for Redis", lambda: "Redis is away" in log.read_text(), START_SECONDS)
            own_valkey.start()
            await eventually("the first is announced again", worker.is_announced, BACK_SECONDS)
            assert await code(process) == 2
        assert REFUSED in log.read_text()
        await viewer.gets_media_of(publisher)
        assert await worker.is_announced()
        publisher.close()
        viewer.close()


def test_patience_covers_the_hold_of_a_crashed_predecessor() -> None:
    assert heartbeat.PATIENCE_SECONDS > keys.PROCESS_TTL_MS / 1000
    assert keys.PROCESS_TTL_MS / 1000 > 2 * keys.HEARTBEAT_SECONDS
    assert keys.PROCESS_TTL_MS <= keys.CLAIM_TTL_MS
