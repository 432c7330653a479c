"""Requests are served or refused as their caller is told, whatever the clocks of the hosts say."""

import time
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.bus.connection import Command, connect
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode
from shared.messages.signalling import Publish
from shared.rpc.client import RpcClient
from shared.rpc.server import RpcServer
from tests.integration.rpc.ends import WORKER, answer_publish, publish, refused, running

OFFER_SECONDS = 2.0  # less than each skew, and more than a busy host takes


def skewed(redis: Redis, seconds: float) -> RedisClock:
    """Redis' clock as a host reads it whose own clocks are ahead by so much."""
    return RedisClock(redis, lambda: time.monotonic() + seconds, lambda: time.time() + seconds)


@pytest.mark.parametrize("skew", [-3600.0, 2.5, 3600.0])
async def test_offers_are_served_between_hosts_whose_clocks_are_wrong(
    redis: Redis, redis_url: str, skew: float
) -> None:
    client = RpcClient(redis, redis_url, clock=skewed(redis, skew))
    async with connect(redis_url) as other:
        handlers = {Publish: answer_publish}
        worker = RpcServer(other, redis_url, WORKER, handlers, clock=skewed(other, -skew))
        async with running(client, worker):
            assert (await publish(client, OFFER_SECONDS)).session == "w1.demo"


async def test_a_redis_whose_clock_cannot_be_read_fails_the_call(redis: Redis, redis_url: str) -> None:
    class Silent(RedisClock):
        async def read(self, *beside: Command) -> list[Any]:
            raise RedisError

    deaf = RpcClient(redis, redis_url, clock=Silent(redis))
    assert (await refused(publish(deaf))).code is ErrorCode.NO_WORKER
