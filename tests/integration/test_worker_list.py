"""All living workers are read in one round trip, and what goes along with that comes after their statuses."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.bus import keys, shared_line
from shared.bus.connection import connect
from shared.bus.line import Command, exchanged
from shared.directory.directory import Directory
from shared.directory.worker_list import STATUSES_AT_ONCE, WorkerList
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.names import WorkerId

ONE, TWO, THREE = WorkerId("w1"), WorkerId("w2"), WorkerId("w3")
ECHO: Sequence[Command] = [("ECHO", "along")]

Trips = list[list[str]]  # the names of the commands of each


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as redis:
        yield redis


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> Trips:
    seen: Trips = []

    async def noted(connection: Any, commands: Sequence[Command]) -> list[Any]:
        seen.append([command[0] for command in commands])
        return await exchanged(connection, commands)

    monkeypatch.setattr(shared_line, "exchanged", noted)
    return seen


def status(worker: WorkerId) -> WorkerStatus:
    return WorkerStatus(id=worker, state=WorkerState.READY, http_url="")


async def begin(redis: Redis, *workers: WorkerId) -> None:
    for worker in workers:
        await Directory(redis).beat(status(worker), [])


async def ids(workers: WorkerList, beside: Sequence[Command] = ()) -> tuple[list[str], list[Any] | None]:
    statuses, results = await workers.read(beside)
    return [status.id for status in statuses], results


async def test_workers_that_were_there_before_are_one_trip(redis: Redis, trips: Trips) -> None:
    workers = WorkerList(redis)
    assert await ids(workers, ECHO) == ([], [b"along"])
    await begin(redis, TWO, ONE)
    assert await ids(workers, ECHO) == ([ONE, TWO], None)
    trips.clear()
    assert await ids(workers, ECHO) == ([ONE, TWO], [b"along"])
    assert trips == [["ZRANGE", "MGET", "ECHO"]]


async def test_a_new_worker_is_there_at_once(redis: Redis, trips: Trips) -> None:
    workers = WorkerList(redis)
    await begin(redis, TWO)
    await workers.read()
    await begin(redis, ONE, THREE)
    trips.clear()
    assert await ids(workers, ECHO) == ([ONE, TWO, THREE], None)
    assert trips == [["ZRANGE", "MGET", "ECHO"], ["MGET"]]


async def test_a_worker_that_died_or_left_is_gone_at_once(redis: Redis) -> None:
    workers = WorkerList(redis)
    await begin(redis, ONE, TWO, THREE)
    await workers.read()
    await redis.delete(keys.worker_status(ONE))  # its heartbeat expired
    await redis.zrem(keys.WORKERS, TWO)
    assert await ids(workers, ECHO) == ([THREE], [b"along"])
    await redis.flushall()
    assert await ids(workers, ECHO) == ([], [b"along"])


async def test_of_many_workers_each_is_read_once_and_in_turns(redis: Redis, trips: Trips) -> None:
    many = [WorkerId(f"w{number:03}") for number in range(2 * STATUSES_AT_ONCE + 1)]
    await begin(redis, *many)
    workers = WorkerList(redis)
    await workers.read()
    trips.clear()
    assert await ids(workers, ECHO) == (many, None)
    assert trips == [["ZRANGE"], ["MGET"], ["MGET"], ["MGET"]]
    await redis.flushall()
    await begin(redis, ONE)
    assert await ids(workers, ECHO) == ([ONE], None)
    assert await ids(workers, ECHO) == ([ONE], [b"along"])


async def test_after_a_trip_that_was_too_long_nothing_goes_along(redis: Redis) -> None:
    """What others ask at that moment does not fail once more."""
    await begin(redis, ONE)
    workers = WorkerList(redis)
    await workers.read()
    with pytest.raises(RedisTimeoutError):
        await workers.read([("BLPOP", "none", 60)])
    assert await ids(workers, ECHO) == ([ONE], None)
    assert await ids(workers, ECHO) == ([ONE], [b"along"])


async def test_what_changed_is_what_the_statuses_count_on(redis: Redis, trips: Trips) -> None:
    """A status never tells of a change that the log, read along with it, does not have yet."""
    one, reader = Directory(redis), Directory(redis)
    room = RoomStatus(name="a", has_publisher=True, tracks=2, subscribers=0)
    await one.beat(status(ONE), [])
    await reader.workers()
    await one.beat(status(ONE), [], [room])
    trips.clear()
    [seen], changes = await reader.workers_and_changes("0-0")
    assert changes is not None
    assert changes.changes[-1].version == seen.rooms_version
    assert trips == [["ZRANGE", "MGET", "XRANGE"]]
    assert await reader.changes("0-0") == changes
    assert (await reader.changes(changes.at)).changes == []
