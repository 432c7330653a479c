"""How control looks whether Redis answers."""

import asyncio
from contextlib import suppress

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from control.workers import redis_watch
from control.workers.redis_watch import EXPIRY_SECONDS, SETTLE_SECONDS, RedisWatch
from shared.bus import keys
from shared.errors import ErrorCode, ServiceError
from tests.support.waiting import eventually

IN_TIME = 5.0


@pytest.mark.parametrize(
    ("breaks", "mends"),
    [
        (("ACL", "SETUSER", "default", "-set"), ("ACL", "SETUSER", "default", "+set")),
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),  # heartbeats expire in it
    ],
)
async def test_a_redis_that_refuses_writes_counts_as_away(
    redis: Redis, breaks: tuple[str, ...], mends: tuple[str, ...]
) -> None:
    watch = RedisWatch(redis)
    await redis.execute_command(*breaks)
    watching = asyncio.create_task(watch.run())
    try:
        with capture_logs() as logs:
            await eventually("it is away", lambda: watch.is_away, IN_TIME)
        with pytest.raises(ServiceError):
            watch.check()
        assert [entry["event"] for entry in logs] == ["Redis refuses writes"]
        await redis.execute_command(*mends)
        await eventually("it is back", lambda: not watch.is_away, IN_TIME)
        with pytest.raises(ServiceError):  # nobody here knows how long it was away
            watch.check_claims()
    finally:
        watching.cancel()
        await redis.execute_command(*mends)


@pytest.mark.parametrize(
    ("empties", "data"), [(False, "kept"), (True, "lost: workers announce their rooms again")]
)
async def test_an_outage_is_logged_with_address_consequence_duration_and_what_became_of_the_data(
    redis: Redis, empties: bool, data: str
) -> None:
    watch = RedisWatch(redis)
    await watch.look()
    with capture_logs() as logs:
        watch.failed(RedisConnectionError())
        if empties:
            await redis.flushall()
        await watch.look()
    away, back = logs
    options = redis.connection_pool.connection_kwargs
    address = options.get("path") or f"{options['host']}:{options['port']}"
    assert away | {"event": "Redis is away", "redis": address, "error": f"{address}: connection"} == away
    assert "503" in away["consequence"]
    assert back | {"event": "Redis is back", "redis": address, "data": data} == back
    assert 0 <= back["seconds"] < IN_TIME


async def test_who_starts_while_redis_is_away_does_not_know_what_became_of_the_data(redis: Redis) -> None:
    watch = RedisWatch(redis)
    watch.failed(RedisConnectionError())
    with capture_logs() as logs:
        await watch.look()
    assert [line["data"].partition(":")[0] for line in logs] == ["not known"]


async def test_who_starts_while_a_worker_is_silent_does_not_know_of_an_outage(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis takes writes again since a moment, and a claim has expired whose owner has not been heard yet."""
    now = 100.0
    monkeypatch.setattr(redis_watch, "monotonic", lambda: now)
    seconds, _ = await redis.time()
    await redis.zadd(keys.WORKERS, {"w1": seconds - EXPIRY_SECONDS, "w2": seconds})
    watch = RedisWatch(redis)
    await watch.look()
    with pytest.raises(ServiceError):
        watch.check_claims()
    await redis.zrem(keys.WORKERS, "w1")
    other = RedisWatch(redis)
    await other.look()
    other.check_claims()
    for _ in range(2):
        now += SETTLE_SECONDS / 2
        await watch.look()
    watch.check_claims()


async def test_whoever_has_not_looked_for_long_does_not_know_of_an_outage(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process was paused: what is missing may have expired meanwhile."""
    watch, now = RedisWatch(redis), 100.0
    monkeypatch.setattr(redis_watch, "monotonic", lambda: now)
    await watch.look()
    await watch.check_settled()
    now += EXPIRY_SECONDS
    for _ in range(2):
        with pytest.raises(ServiceError):
            await watch.check_settled()
        await watch.look()
    for _ in range(2):
        now += SETTLE_SECONDS / 2
        await watch.look()
    await watch.check_settled()


async def test_what_is_missing_in_an_emptied_redis_may_exist_for_as_long_as_a_claim_lives(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nobody has noticed that it was away: no look has failed."""
    monkeypatch.setattr(keys, "CLAIM_TTL_MS", 300)
    watch = RedisWatch(redis)
    await watch.check_settled()
    await redis.flushall()
    with pytest.raises(ServiceError) as refused:
        await watch.check_settled()
    assert (refused.value.code, refused.value.retry_after) == (ErrorCode.NO_WORKER, 2)

    async def is_settled() -> bool:
        with suppress(ServiceError):
            await watch.check_settled()
            return True
        return False

    await eventually("what is missing does not exist", is_settled, IN_TIME)
