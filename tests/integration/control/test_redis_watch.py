"""How control looks whether Redis answers: along with what else it asks, and by itself when that is busy."""

import asyncio
from collections.abc import AsyncIterator
from secrets import token_hex

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from control.workers import redis_watch
from control.workers.redis_watch import RedisWatch
from shared.bus.connection import connect
from shared.errors import ServiceError
from tests.support.waiting import eventually

IN_TIME = 5.0
NAME = f"own-{token_hex(8)}"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as redis:
        yield redis


@pytest.fixture
async def own(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(f"{redis_url}?client_name={NAME}") as own:
        yield own


async def own_connections(redis: Redis) -> int:
    return sum(client["name"] == NAME for client in await redis.client_list())


async def test_a_look_goes_along_with_what_else_is_asked(redis: Redis, own: Redis) -> None:
    watch = RedisWatch(redis, own)
    found, _ = await asyncio.gather(watch._is_empty(), redis.zadd("roomcast:workers", {"w1": 1}))
    assert found  # it was asked first
    assert not await watch._is_empty()
    assert await own_connections(redis) == 0


async def test_a_look_does_not_wait_for_what_others_wait_for(
    redis: Redis, own: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its own connection ends when it was not needed for a while."""
    watch = RedisWatch(redis, own)
    async with asyncio.timeout(IN_TIME):
        waiting = asyncio.create_task(redis.execute_command("BLPOP", "none", 60))
        await asyncio.sleep(0)  # it is asked
        await asyncio.sleep(0)  # it is under way
        assert await watch._is_empty()
        assert not waiting.done()
        assert await own_connections(redis) == 1
        waiting.cancel()
        await redis.aclose()
        await watch._end_unused()
        assert await own_connections(redis) == 1
        monkeypatch.setattr(redis_watch, "REST_SECONDS", 0.0)
        watching = asyncio.create_task(watch.run())
        await eventually("it has ended", lambda: has_no_own(redis), IN_TIME)
        watching.cancel()
        assert not watch.is_away


async def test_a_look_does_not_fail_with_what_goes_along(redis: Redis, own: Redis) -> None:
    """The answers of a trip are there when its last one is, which may be long."""
    watch = RedisWatch(redis, own)
    async with asyncio.timeout(IN_TIME):
        waiting = asyncio.create_task(redis.execute_command("BLPOP", "none", 60))
        await asyncio.sleep(0)  # it is asked, and leaves along with the look
        assert await watch._is_empty()
        assert not waiting.done()
        assert await own_connections(redis) == 1
        waiting.cancel()


async def test_a_look_that_fails_by_what_another_asks_is_made_again(redis: Redis, own: Redis) -> None:
    watch = RedisWatch(redis, own)
    with capture_logs() as logs:
        wrong = asyncio.create_task(redis.execute_command("GET", "\ud800"))  # no text that can be sent
        watching = asyncio.create_task(watch.run())
        with pytest.raises(UnicodeEncodeError):
            await wrong
        await eventually("the next look", lambda: watch._answered_at is not None, IN_TIME)
        watching.cancel()
    assert [line["event"] for line in logs] == ["cannot look whether redis answers"]


async def has_no_own(redis: Redis) -> bool:
    return await own_connections(redis) == 0


async def test_a_look_that_redis_refuses_says_that_it_is_away(redis: Redis, own: Redis) -> None:
    watch = RedisWatch(redis, own)
    await redis.execute_command("ACL", "SETUSER", "default", "-exists")
    watching = asyncio.create_task(watch.run())
    try:
        await eventually("it is away", lambda: watch.is_away, IN_TIME)
    finally:
        watching.cancel()
        await redis.execute_command("ACL", "SETUSER", "default", "+exists")
    with pytest.raises(ServiceError):
        watch.check()
