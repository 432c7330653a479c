"""What befell Redis, or the connection that waits for replies, between two calls: the next one succeeds."""

import asyncio

from redis.asyncio import Redis

from shared.messages.signalling import Publish
from shared.rpc.client import RpcClient
from shared.rpc.server import RpcServer
from tests.integration.rpc.ends import IN_TIME, WORKER, answer_publish, over_own, publish, refused, running
from tests.support.own_valkey import OwnValkey
from tests.support.waiting import eventually


async def waits(redis: Redis) -> int | None:
    """Which connection waits for entries of a list, as Redis calls it."""
    return next((int(each["id"]) for each in await redis.client_list() if each["cmd"] == "blpop"), None)


async def test_a_connection_that_was_closed_between_two_calls_is_replaced(
    redis: Redis, redis_url: str, client: RpcClient
) -> None:
    waiting = await eventually("it waits", lambda: waits(redis), IN_TIME)
    async with running(RpcServer(redis, redis_url, WORKER, {Publish: answer_publish})):
        await publish(client)
        assert await redis.client_kill_filter(_id=str(waiting)) == 1
        assert (await publish(client)).session == "w1.demo"


async def test_a_restart_of_redis_between_two_calls_is_not_noticed(own_valkey: OwnValkey) -> None:
    async with over_own(own_valkey) as (_, client):
        await asyncio.to_thread(own_valkey.stop)
        await asyncio.to_thread(own_valkey.start)
        assert (await publish(client)).session == "w1.demo"


async def test_a_request_that_redis_cannot_keep_is_refused_at_once(own_valkey: OwnValkey) -> None:
    async with over_own(own_valkey) as (redis, client):
        await redis.config_set("maxmemory", "1")
        assert (await refused(publish(client, timeout=0.3))).detail == "Redis is away"
        await redis.config_set("maxmemory", "0")
        assert (await publish(client)).session == "w1.demo"
