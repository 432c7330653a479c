"""Several commands go to Redis in one round trip, and each gets its own result."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shared.bus.batch import Batch, Call, called
from shared.bus.connection import blocking_line, connect
from shared.bus.line import exchanged
from shared.bus.round_trip import round_trip


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as redis:
        yield redis


async def test_each_command_has_its_result(redis: Redis) -> None:
    results = await round_trip(
        redis, [("SET", "a", 1), ("INCRBY", "a", 4), ("GET", "none"), ("LRANGE", "b", 0, 9)]
    )
    assert results == [b"OK", 5, None, []]


async def test_an_error_is_a_result_of_its_command_alone(redis: Redis) -> None:
    before, error, after = await round_trip(redis, [("SET", "a", "x"), ("INCR", "a"), ("GET", "a")])
    assert (before, after) == (b"OK", b"x")
    assert isinstance(error, ResponseError)


async def test_a_connection_that_died_in_the_pool_is_replaced(redis: Redis, redis_url: str) -> None:
    [number] = await round_trip(redis, [("CLIENT", "ID")])
    async with connect(redis_url) as other:
        assert await other.client_kill_filter(_id=str(number)) == 1
    assert await round_trip(redis, [("PING",)]) == [b"PONG"]


async def test_nobody_at_the_address_is_an_error_of_redis() -> None:
    async with connect("redis://127.0.0.1:1/0") as redis:
        with pytest.raises(RedisConnectionError):
            await round_trip(redis, [("PING",)])


async def test_many_at_once_get_their_own_results(redis: Redis) -> None:
    asked = [round_trip(redis, [("ECHO", number)]) for number in range(100)]
    assert await asyncio.gather(*asked) == [[b"%d" % number] for number in range(100)]


async def test_who_gives_up_leaves_no_result_for_the_next(redis: Redis) -> None:
    for _ in range(3):
        given_up = asyncio.create_task(round_trip(redis, [("BLPOP", "empty", 1)]))
        await asyncio.sleep(0.02)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        assert await round_trip(redis, [("ECHO", "mine")]) == [b"mine"]


async def test_a_script_that_redis_does_not_have_is_loaded(redis: Redis) -> None:
    await redis.script_flush()
    hold = Call("hold_id", ["id"], ["me", 1000])
    assert await called(redis, hold) == 1
    batch = Batch(redis)
    batch.add("GET", "id")
    batch.put(hold)
    assert await batch.execute() == [b"me", 1]


async def test_a_line_is_made_anew_after_its_end(redis: Redis, redis_url: str) -> None:
    line = blocking_line(redis_url)
    [number] = await exchanged(await line.connected(), [("CLIENT", "ID")])
    assert await redis.client_kill_filter(_id=str(number)) == 1
    with contextlib.suppress(RedisConnectionError):  # that tells of the end, unless it was noticed before
        await exchanged(await line.connected(), [("PING",)])
    [other] = await exchanged(await line.connected(), [("CLIENT", "ID")])
    assert other != number
    await line.close()
    assert await exchanged(await line.connected(), [("PING",)]) == [b"PONG"]
    await line.close()
