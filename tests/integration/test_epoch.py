"""A Redis that is not the one of before lets nobody take a room that somebody may have."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from shared.bus import keys
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId
from tests.support.waiting import eventually

ROOM, ONE, TWO = RoomName("demo"), WorkerId("w1"), WorkerId("w2")
OTHER = WorkerStatus(id="w3", state=WorkerState.READY, http_url="")  # it has no rooms
TTL_MS = 400
IN_TIME = 10.0

pytestmark = pytest.mark.alone  # a claim lives for 0.4 s here


@pytest.fixture(autouse=True)
def short_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "CLAIM_TTL_MS", TTL_MS)


@pytest.fixture
def directory(redis: Redis) -> Directory:
    return Directory(redis)


async def refused(directory: Directory, worker: WorkerId = TWO) -> bool:
    try:
        await directory.claim_room(ROOM, worker)
    except ServiceError as error:
        return error.code is ErrorCode.NO_WORKER and bool(error.retry_after)
    return False


async def beat(directory: Directory, worker: WorkerId) -> list[RoomName]:
    return await directory.beat(WorkerStatus(id=worker, state=WorkerState.READY, http_url=""), [ROOM])


async def emptied(redis: Redis) -> None:
    await redis.flushall()


async def restarted_with_old_data(redis: Redis) -> None:
    """Its snapshot holds an epoch, and no claim: those have expired."""
    await redis.delete(keys.room_claim(ROOM))
    await redis.set(keys.EPOCH, f"{'0' * 40} 1000")


async def set_back(redis: Redis) -> None:
    """Its clock, by a day: what was written has an age below zero."""
    await redis.delete(keys.room_claim(ROOM))
    run, _, _ = (await redis.get(keys.EPOCH)).decode().partition(" ")
    seconds, _ = await redis.time()
    await redis.set(keys.EPOCH, f"{run} {(seconds + 86_400) * 1000}")


@pytest.mark.parametrize("comes_back", [emptied, restarted_with_old_data, set_back])
async def test_a_room_is_kept_for_its_owner_until_its_claim_would_have_expired(
    redis: Redis, directory: Directory, comes_back: Callable[[Redis], Awaitable[None]]
) -> None:
    assert not await refused(directory, ONE)
    await comes_back(redis)
    assert await refused(directory)
    with pytest.raises(ServiceError, match="no_worker"):
        await directory.check_complete()
    await asyncio.sleep(TTL_MS / 2000)
    assert await refused(directory)
    assert await beat(directory, ONE) == []  # its owner was late
    assert await directory.claim_room(ROOM, TWO) == ONE


async def test_a_room_that_nobody_claims_again_is_free_then(redis: Redis, directory: Directory) -> None:
    await redis.flushall()

    async def is_free() -> bool:
        return not await refused(directory)

    assert not await is_free()
    await eventually("somebody gets it", is_free, IN_TIME)
    await directory.check_complete()


@pytest.mark.parametrize("comes_back", [emptied, restarted_with_old_data])
async def test_who_publishes_later_does_not_wait_where_a_worker_has_met_redis_before(
    redis: Redis, directory: Directory, comes_back: Callable[[Redis], Awaitable[None]]
) -> None:
    """The worker has no rooms; nobody else has asked Redis for anything."""
    await comes_back(redis)
    await directory.beat(OTHER, [])
    await asyncio.sleep(TTL_MS / 1000)
    assert not await refused(directory)


async def test_the_owner_itself_gets_no_new_room_earlier(redis: Redis, directory: Directory) -> None:
    await redis.flushall()
    await beat(directory, ONE)
    with pytest.raises(ServiceError, match="no_worker"):
        await directory.claim_room(RoomName("other"), ONE)


async def test_of_two_that_claim_again_the_one_who_claimed_later_has_the_room(
    redis: Redis, directory: Directory
) -> None:
    """The other one was paused when it lost the room, and comes back before it has learnt that."""
    await two_have_it(redis, directory)
    await redis.flushall()
    assert await beat(directory, ONE) == []
    assert await beat(directory, TWO) == []
    assert await beat(directory, ONE) == [ROOM]


async def test_who_was_silent_for_as_long_as_a_claim_lives_takes_no_room_that_was_kept(
    redis: Redis, directory: Directory
) -> None:
    """It had claimed the room last, and another worker has had it again since then."""
    await two_have_it(redis, directory)
    await asyncio.sleep(TTL_MS / 1000)
    assert await beat(directory, ONE) == []
    await redis.flushall()
    assert await beat(directory, ONE) == []
    assert await beat(directory, TWO) == [ROOM]
    assert await beat(directory, ONE) == []


@pytest.mark.parametrize("first", [ONE, TWO])
async def test_of_two_that_were_silent_as_long_the_one_that_was_heard_last_has_the_room(
    redis: Redis, directory: Directory, first: WorkerId
) -> None:
    """Redis was away for as long as a claim lives, and has come back without any."""
    await two_have_it(redis, directory)
    await asyncio.sleep(TTL_MS / 1000)
    await redis.flushall()
    await beat(directory, first)
    assert await beat(directory, TWO) == []
    assert await beat(directory, ONE) == [ROOM]


async def test_who_comes_back_later_than_another_takes_nothing_of_a_redis_that_was_there(
    redis: Redis, directory: Directory
) -> None:
    """Both were cut off. The claim of the one that had it last has expired, as it would for any other."""
    await two_have_it(redis, directory)
    await asyncio.sleep(TTL_MS / 1000)
    await directory.beat(OTHER, [])
    assert await beat(directory, ONE) == []
    assert await beat(directory, TWO) == [ROOM]


@pytest.mark.parametrize("first", [ONE, TWO])
async def test_a_redis_that_was_paused_is_to_blame_for_the_silence_of_all(
    redis: Redis, directory: Directory, first: WorkerId
) -> None:
    """It is the same server, and has kept what did not expire."""
    await two_have_it(redis, directory)
    await directory.beat(OTHER, [])
    await asyncio.sleep(TTL_MS / 1000)
    await beat(directory, first)
    assert await beat(directory, TWO) == []
    assert await beat(directory, ONE) == [ROOM]
    assert await refused(directory, TWO)  # another publisher, as long as somebody else may have it


async def test_who_was_refused_by_redis_has_lost_nothing_meanwhile(
    redis: Redis, directory: Directory
) -> None:
    """Redis takes no writes for longer than a claim lives; who had lost the room comes back first."""
    await two_have_it(redis, directory)
    await redis.config_set("maxmemory", "1")
    try:
        for _ in range(3):
            await asyncio.sleep(0.6 * TTL_MS / 1000)
            with pytest.raises(ResponseError):
                await beat(directory, TWO)
    finally:
        await redis.config_set("maxmemory", "0")
    assert await beat(directory, ONE) == []
    assert await beat(directory, TWO) == []
    assert await beat(directory, ONE) == [ROOM]


async def two_have_it(redis: Redis, directory: Directory) -> None:
    """The first of two workers has lost the room to the other one, and does not know it."""
    assert not await refused(directory, ONE)
    await redis.delete(keys.room_claim(ROOM))
    await asyncio.sleep(0.02)  # by Redis' clock, and more than a round trip varies by
    assert not await refused(directory, TWO)


async def test_a_claim_of_older_data_is_no_right(redis: Redis, directory: Directory) -> None:
    """Redis was restarted with data of before the room moved to another worker."""
    assert not await refused(directory, ONE)
    await redis.set(keys.room_claim(ROOM), TWO, px=TTL_MS)
    await redis.set(keys.EPOCH, f"{'0' * 40} 1000")
    assert await refused(directory, TWO)
    assert await beat(directory, ONE) == []
    assert await directory.room_owner(ROOM) == ONE


async def test_in_a_new_redis_nobody_waits(directory: Directory) -> None:
    """As `roomcast up` starts one (fixture `redis_url`)."""
    await directory.check_complete()
    assert not await refused(directory)


async def test_who_has_known_the_cluster_for_long_enough_knows_what_redis_lacks(
    redis: Redis, directory: Directory
) -> None:
    await redis.flushall()
    with pytest.raises(ServiceError, match="no_worker"):
        await directory.check_complete(TTL_MS / 1000 - 0.001)
    await directory.check_complete(2 * TTL_MS / 1000)


async def test_a_redis_that_refuses_writes_never_says_that_all_is_there(
    redis: Redis, directory: Directory
) -> None:
    """Claims expire in it, whose owners live."""
    await directory.check_complete()
    await redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(RedisError):
            await directory.check_complete()
    finally:
        await redis.config_set("maxmemory", "0")
    await directory.check_complete()
