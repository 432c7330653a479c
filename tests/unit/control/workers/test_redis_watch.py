"""What needs Redis is 503 when Redis fails, and at once while that is known."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from control.workers.redis_watch import RedisWatch
from shared.errors import ErrorCode, ServiceError

LONG = 60.0


@pytest.fixture
def watch() -> RedisWatch:
    return RedisWatch(Redis())  # nobody asks it


async def test_after_one_failure_nobody_asks_again(watch: RedisWatch) -> None:
    with pytest.raises(ServiceError) as failed:
        async with watch.bounded(LONG):
            raise RedisConnectionError
    assert failed.value.code is ErrorCode.NO_WORKER
    with pytest.raises(ServiceError) as refused:
        async with watch.bounded(LONG):
            pytest.fail("it is asked")
    assert refused.value.code is ErrorCode.NO_WORKER


async def fails(watch: RedisWatch, error: type[Exception] | None) -> None:
    """None: it takes too long."""
    async with watch.bounded(0.01):
        if error is not None:
            raise error
        await asyncio.sleep(LONG)


@pytest.mark.parametrize("error", [RedisTimeoutError, TimeoutError, None])
async def test_what_takes_too_long_does_not_say_that_redis_is_away(
    watch: RedisWatch, error: type[Exception] | None
) -> None:
    with pytest.raises(ServiceError) as failed:
        await fails(watch, error)
    assert failed.value.code is ErrorCode.NO_WORKER
    assert not watch.is_away


async def test_other_errors_are_none_of_redis(watch: RedisWatch) -> None:
    with pytest.raises(ValueError, match="ours"):
        async with watch.bounded(LONG):
            raise ValueError("ours")
    assert not watch.is_away
