"""Requests are served or refused as their caller is told, whatever the clocks of the hosts say."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from deploy.valkey import EmbeddedValkey
from shared.bus import keys
from shared.bus.connection import Command, connect
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode
from shared.messages.encoding import unpack
from shared.messages.signalling import Publish
from shared.rpc.client import RpcClient
from shared.rpc.server import RpcServer
from shared.rulings.ruling_book import RulingBook
from tests.integration.rpc.ends import IN_TIME, WORKER, Slow, publish, refused, running
from tests.support.meanwhile import meanwhile
from tests.support.waiting import eventually

# Seconds by which the clock of a host is ahead.
SKEWS = [-3600.0, -5.0, -2.5, 2.5, 5.0, 3600.0]
OFFER_SECONDS = 2.0  # less than each skew, and more than a busy host takes


def skewed(redis: Redis, seconds: float) -> RedisClock:
    """Redis' clock as a host reads it whose own clocks are ahead by so much."""
    return RedisClock(redis, lambda: time.monotonic() + seconds, lambda: time.time() + seconds)


class JumpingClock(RedisClock):
    """Redis' clock at a host that knows it from another Redis, ahead by `jump` seconds, until it reads it."""

    jump = 0.0

    def earliest(self) -> float:
        return super().earliest() + self.jump

    def latest(self) -> float:
        return super().latest() + self.jump

    async def read(self, *beside: Command) -> list[Any]:
        results = await super().read(*beside)
        self.jump = 0.0
        return results


class Worker(Slow):
    """Takes offers, by its own clock, and answers at once."""

    def __init__(self, redis: Redis, url: str, clock: RedisClock) -> None:
        super().__init__()
        self.may_answer.set()
        self.rpc = RpcServer(redis, url, WORKER, {Publish: self}, clock=clock)


@pytest.fixture
async def other(redis_url: str) -> AsyncIterator[Redis]:
    """The connection of another host."""
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.mark.parametrize("seconds", SKEWS)
async def test_offers_are_served_by_a_worker_whose_clock_is_wrong(
    redis_url: str, client: RpcClient, other: Redis, seconds: float
) -> None:
    worker = Worker(other, redis_url, skewed(other, seconds))
    async with running(worker.rpc):
        assert (await publish(client, OFFER_SECONDS)).session == "w1.demo"


@pytest.mark.parametrize("seconds", SKEWS)
async def test_offers_of_a_control_process_whose_clock_is_wrong_are_served(
    redis: Redis, redis_url: str, other: Redis, seconds: float
) -> None:
    client = RpcClient(redis, redis_url, clock=skewed(redis, seconds))
    worker = Worker(other, redis_url, RedisClock(other))
    async with running(client, worker.rpc):
        assert (await publish(client, OFFER_SECONDS)).session == "w1.demo"


@pytest.mark.parametrize("seconds", [SKEWS[0], SKEWS[-1]])
async def test_an_offer_whose_client_was_told_503_is_not_served(
    redis: Redis, redis_url: str, client: RpcClient, other: Redis, seconds: float
) -> None:
    assert (await refused(publish(client, 0.6))).code is ErrorCode.NO_WORKER
    assert await redis.llen(keys.rpc_requests(WORKER)) == 1
    worker = Worker(other, redis_url, skewed(other, seconds))
    with capture_logs() as logs:
        async with running(worker.rpc):
            await publish(client)
            await eventually("the first is dropped", lambda: logs, within=IN_TIME)
    assert len(worker.taken) == 1  # the second offer
    assert [line["event"] for line in logs] == ["rpc request too late"]


async def test_a_reply_has_a_share_of_the_time_to_travel_in(
    redis: Redis, redis_url: str, client: RpcClient
) -> None:
    call = asyncio.create_task(publish(client, 5.0))
    before = await redis.time()
    request = await eventually("it is sent", lambda: redis.lindex(keys.rpc_requests(WORKER), 0), IN_TIME)
    left = unpack(request)["deadline"] - (before[0] + before[1] / 1e6)
    assert 4.0 < left <= 4.5
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


@pytest.mark.parametrize("jump", [-3600.0, -5.0, 5.0, 3600.0])
async def test_a_jump_of_redis_clock_drops_nothing_that_a_caller_sends(
    redis: Redis, redis_url: str, other: Redis, jump: float
) -> None:
    clock = JumpingClock(redis)
    client = RpcClient(redis, redis_url, clock=clock)
    worker = Worker(other, redis_url, RedisClock(other))
    async with running(client, worker.rpc):
        await clock.read()
        clock.jump = jump
        assert await publish(client, OFFER_SECONDS)


async def test_a_jump_of_redis_clock_drops_nothing_at_a_worker(
    redis_url: str, client: RpcClient, other: Redis
) -> None:
    clock = JumpingClock(other)
    worker = Worker(other, redis_url, clock)
    await clock.read()
    clock.jump = 3600.0  # all requests look too late
    async with running(worker.rpc):
        assert await publish(client, OFFER_SECONDS)


async def test_a_redis_whose_clock_cannot_be_read_fails_the_call_and_ends_nothing(
    redis: Redis, redis_url: str, other: Redis
) -> None:
    class Silent(RedisClock):
        async def read(self, *beside: Command) -> list[Any]:
            raise RedisError

    worker = Worker(other, redis_url, Silent(other))
    deaf = RpcClient(redis, redis_url, clock=Silent(redis))
    client = RpcClient(redis, redis_url)
    with capture_logs():
        async with running(worker.rpc, client):
            assert (await refused(publish(deaf))).code is ErrorCode.NO_WORKER
            assert (await refused(publish(client, 0.6))).code is ErrorCode.NO_WORKER
    assert worker.taken == []


async def test_another_redis_with_another_clock_is_believed_when_it_is_back(
    own_valkey: EmbeddedValkey,
) -> None:
    """Who looks at a book survives the outage between them."""
    async with connect(own_valkey.url) as redis:
        clock = RedisClock(redis)
        async with meanwhile(RulingBook(redis, clock).run()):
            await eventually("it is read", lambda: clock._read_at, IN_TIME)
            await asyncio.to_thread(own_valkey.stop)
            # as if the Redis that was lost had been 5 s ahead
            clock._offset._low += 5.0
            clock._offset._high += 5.0
            assert clock.skew() == pytest.approx(-5.0, abs=0.5)
            await asyncio.to_thread(own_valkey.start)
            await eventually("the new one is believed", lambda: abs(clock.skew()) < 0.5, IN_TIME)
