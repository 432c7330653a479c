"""How control looks whether Redis answers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from control.workers.redis_watch import RedisWatch
from shared.bus.connection import connect
from shared.errors import ServiceError
from tests.support.waiting import eventually

IN_TIME = 5.0


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as redis:
        yield redis


async def test_a_look_that_redis_refuses_says_that_it_is_away(redis: Redis) -> None:
    watch = RedisWatch(redis)
    await redis.execute_command("ACL", "SETUSER", "default", "-exists")
    watching = asyncio.create_task(watch.run())
    try:
        await eventually("it is away", lambda: watch.is_away, IN_TIME)
    finally:
        watching.cancel()
        await redis.execute_command("ACL", "SETUSER", "default", "+exists")
    with pytest.raises(ServiceError):
        watch.check()
