"""A lease in a real Valkey: one has it at a time, and knows for how long nobody else can."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from control.webhooks.post import ATTEMPT_SECONDS
from shared.bus import keys
from shared.bus import lease as module
from shared.bus.batch import Batch
from shared.bus.lease import RENEW_SECONDS, Lease

TTL = keys.LEASE_TTL_MS / 1000
KEY = keys.lease("task")


async def test_one_has_it_and_renews_it(redis: Redis) -> None:
    one, other = Lease(redis, "task"), Lease(redis, "task")
    assert await one.take()
    await redis.pexpire(KEY, 1_000)
    assert not await other.take()
    assert await one.take()
    assert await redis.pttl(KEY) > 1_000
    assert await Lease(redis, "another task").take()


async def test_who_does_not_have_it_has_nothing_left(redis: Redis) -> None:
    one, other = Lease(redis, "task"), Lease(redis, "task")
    assert one.left < 0
    await one.take()
    assert TTL - 5 < one.left <= TTL
    assert not await other.take()
    assert other.left < 0


async def test_its_time_runs_from_the_question_on(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis may have taken it at any moment since; later, another process could have it already."""
    now = 100.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    real = Batch.execute

    async def slowly(self: Batch) -> object:
        nonlocal now
        now += 2.0
        return await real(self)

    monkeypatch.setattr(Batch, "execute", slowly)
    lease = Lease(redis, "task")
    await lease.take()
    assert lease.left == TTL - 2.0


async def test_one_that_was_lost_is_known_as_lost_and_not_taken_back(redis: Redis) -> None:
    one, other = Lease(redis, "task"), Lease(redis, "task")
    await one.take()
    await redis.delete(KEY)  # its time was over
    assert await other.take()
    assert not await one.take()
    assert one.left < 0
    await one.give_back()
    assert not await one.take()  # the other one's was left alone


async def test_while_redis_is_away_what_is_left_runs_out(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    lease = Lease(redis, "task")
    await lease.take()

    async def away(_: Batch) -> object:
        raise RedisConnectionError

    monkeypatch.setattr(Batch, "execute", away)
    for seconds in (TTL - 1.0, 1.5):
        now += seconds
        with pytest.raises(RedisConnectionError):
            await lease.take()
    assert lease.left == -0.5


async def test_what_is_given_back_is_there_for_another_at_once(redis: Redis) -> None:
    one, other = Lease(redis, "task"), Lease(redis, "task")
    await one.take()
    await one.give_back()
    assert one.left < 0
    assert await other.take()
    await one.give_back()
    assert not await one.take()


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_process_that_stops_does_not_wait_for_redis(
    hangs: bool, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lease(redis, "task")
    await lease.take()

    async def away(_: Batch) -> object:
        if hangs:
            await asyncio.Event().wait()
        raise RedisConnectionError

    monkeypatch.setattr(Batch, "execute", away)
    monkeypatch.setattr(module, "GIVE_BACK_SECONDS", 0.01)
    async with asyncio.timeout(30):
        await lease.give_back()
    assert lease.left < 0


def test_a_lease_that_is_renewed_lasts_for_an_attempt() -> None:
    """Else deliveries would stop before each renewal; one that is missed must not end them."""
    assert TTL - RENEW_SECONDS >= ATTEMPT_SECONDS
