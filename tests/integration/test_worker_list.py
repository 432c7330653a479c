"""All living workers are read, a few at once."""

from types import SimpleNamespace

import pytest
from redis.asyncio import Redis

from shared.bus import keys
from shared.directory import worker_list
from shared.directory.directory import Directory
from shared.directory.worker_list import STATUSES_AT_ONCE, living_workers
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.names import WorkerId

ONE, TWO, THREE = WorkerId("w1"), WorkerId("w2"), WorkerId("w3")


def status(worker: WorkerId) -> WorkerStatus:
    return WorkerStatus(id=worker, state=WorkerState.READY, http_url="")


async def begin(redis: Redis, *workers: WorkerId) -> None:
    for worker in workers:
        await Directory(redis).beat(status(worker), [])


async def unix_time(redis: Redis) -> float:
    seconds, microseconds = await redis.time()
    return seconds + microseconds / 1e6


async def ids(redis: Redis) -> list[str]:
    return [status.id for status in await living_workers(redis)]


async def test_a_new_worker_is_there_at_once_in_its_place(redis: Redis) -> None:
    assert await ids(redis) == []
    await begin(redis, TWO)
    assert await ids(redis) == [TWO]
    await begin(redis, THREE, ONE)
    assert await ids(redis) == [ONE, TWO, THREE]


async def test_a_worker_that_died_or_left_is_gone_at_once(redis: Redis) -> None:
    await begin(redis, ONE, TWO, THREE)
    await redis.delete(keys.worker_status(ONE))  # its heartbeat expired
    await redis.zrem(keys.WORKERS, TWO)
    assert await ids(redis) == [THREE]
    assert await Directory(redis).heard_workers() == [ONE, THREE]


async def test_the_longest_silence_is_that_of_who_did_not_leave(redis: Redis) -> None:
    directory = Directory(redis)
    assert await directory.longest_silence() == 0.0
    before = await unix_time(redis)
    await begin(redis, ONE, TWO, THREE)
    now = await unix_time(redis)
    assert before <= (await redis.zscore(keys.WORKERS, THREE) or 0.0) <= now
    silent = keys.HEARTBEAT_TTL_MS / 1000 + 7
    await redis.zadd(keys.WORKERS, {ONE: now - 20.0, TWO: now - silent})
    assert 20.0 <= await directory.longest_silence() <= 20.0 + await unix_time(redis) - now
    await redis.zrem(keys.WORKERS, ONE)  # it has left
    assert silent <= await directory.longest_silence() <= silent + await unix_time(redis) - now
    assert [len(await directory.lost_workers(now - before)) for before in (0, 6, 8)] == [1, 1, 0]


async def test_of_many_workers_each_is_read_once_and_in_turns(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [WorkerId(f"w{number:03}") for number in range(2 * STATUSES_AT_ONCE + 1)]
    await begin(redis, *many)
    read, seen = redis.mget, list[int]()
    monkeypatch.setattr(redis, "mget", lambda names: seen.append(len(names)) or read(names))

    async def pause(_: float) -> None:
        seen.append(0)

    monkeypatch.setattr(worker_list, "asyncio", SimpleNamespace(sleep=pause))
    assert await ids(redis) == many
    assert seen == [STATUSES_AT_ONCE, 0, STATUSES_AT_ONCE, 0, 1]


async def test_what_changed_is_what_the_statuses_count_on(redis: Redis) -> None:
    """A status never tells of a change that the log, read after it, does not have yet."""
    one, reader = Directory(redis), Directory(redis)
    room = RoomStatus(name="a", has_publisher=True, tracks=2, subscribers=0)
    await one.beat(status(ONE), [])
    await one.beat(status(ONE), [], [room])
    [seen], changes = await reader.workers(), await reader.changes("0-0")
    assert changes.changes[-1].version == seen.rooms_version
    assert (await reader.changes(changes.at)).changes == []
