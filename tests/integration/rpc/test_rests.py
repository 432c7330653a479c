"""The connection that waits for replies idles between calls: the next call succeeds, whatever befell it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from deploy.valkey import EmbeddedValkey
from shared.bus.connection import connect
from shared.bus.line import exchanged
from shared.messages.signalling import Publish
from shared.rpc import client as rpc_client
from shared.rpc.client import RpcClient
from shared.rpc.server import RpcServer
from tests.integration.rpc.ends import IN_TIME, WORKER, answer_publish, publish, refused, running
from tests.support.free_ports import free_port
from tests.support.waiting import eventually


async def rested(client: RpcClient) -> None:
    await publish(client)
    await eventually("its reader rests", lambda: client._reader.rests, IN_TIME)


async def connection_of(client: RpcClient) -> int:
    """Which connection its reader has, as Redis calls it."""
    [number] = await exchanged(await client._reader._line.connected(), [("CLIENT", "ID")])
    return int(number)


async def connections(redis: Redis) -> set[int]:
    return {int(each["id"]) for each in await redis.client_list()}


@pytest.fixture
async def own_valkey() -> AsyncIterator[EmbeddedValkey]:
    valkey = EmbeddedValkey(free_port())
    await asyncio.to_thread(valkey.start)
    yield valkey
    await asyncio.to_thread(valkey.stop)


async def test_a_connection_that_was_closed_while_it_idled_is_replaced(
    redis: Redis, client: RpcClient, server: RpcServer
) -> None:
    await rested(client)
    assert await redis.client_kill_filter(_id=str(await connection_of(client))) == 1
    assert (await publish(client)).session == "w1.demo"


async def test_a_restart_of_redis_between_two_calls_is_not_noticed(own_valkey: EmbeddedValkey) -> None:
    async with connect(own_valkey.url) as redis:
        client = RpcClient(redis, own_valkey.url)
        server = RpcServer(redis, own_valkey.url, WORKER, {Publish: answer_publish})
        async with running(client, server):
            await rested(client)
            await asyncio.to_thread(own_valkey.stop)
            await asyncio.to_thread(own_valkey.start)
            assert (await publish(client)).session == "w1.demo"


async def test_a_connection_that_idled_for_long_is_used_no_more(
    redis: Redis, client: RpcClient, server: RpcServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something on the way may have forgotten it without a word."""
    await rested(client)
    former = await connection_of(client)
    monkeypatch.setattr(rpc_client, "REST_SECONDS", 0.2)
    await publish(client)

    async def is_gone() -> bool:
        return former not in await connections(redis)

    await eventually("the connection ends", is_gone, IN_TIME)
    assert (await publish(client)).session == "w1.demo"
    assert (await publish(client)).session == "w1.demo"


async def test_a_request_that_redis_cannot_keep_is_refused_at_once(own_valkey: EmbeddedValkey) -> None:
    async with connect(own_valkey.url) as redis:
        client = RpcClient(redis, own_valkey.url)
        server = RpcServer(redis, own_valkey.url, WORKER, {Publish: answer_publish})
        async with running(client, server):
            await rested(client)
            await redis.config_set("maxmemory", "1")
            assert (await refused(publish(client, timeout=0.3))).detail == "Redis is away"
            await redis.config_set("maxmemory", "0")
            assert (await publish(client)).session == "w1.demo"
