"""Calls that are late, too many, cancelled, or cut off from Redis fail in time and leave nothing."""

import asyncio
import time

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from deploy.valkey import EmbeddedValkey
from shared.bus import keys
from shared.bus.connection import connect
from shared.errors import ErrorCode
from shared.messages.signalling import Answer, Closed, CloseRoom, Publish
from shared.rpc.client import RpcClient
from shared.rpc.server import MAX_BUSY, RpcServer
from tests.integration.rpc.ends import (
    IN_TIME,
    REQUEST_ID,
    WORKER,
    answer_close,
    answer_publish,
    publish,
    refused,
    running,
)
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import eventually


async def test_a_silent_worker_is_given_up_at_the_deadline(client: RpcClient) -> None:
    began = time.monotonic()
    async with Stopwatch() as watch:
        error = await refused(publish(client, timeout=0.2))
    assert time.monotonic() - began > 0.19
    assert watch.seconds < 1.0
    assert error.code is ErrorCode.NO_WORKER
    assert error.retry_after


async def test_a_handler_is_stopped_at_the_deadline(redis: Redis, redis_url: str, client: RpcClient) -> None:
    stopped = asyncio.Event()

    async def hang(_: Publish) -> Answer:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError

    server = RpcServer(redis, redis_url, WORKER, {Publish: hang, CloseRoom: answer_close})
    with capture_logs() as logs:
        async with running(server):
            error = await refused(publish(client, timeout=0.6))
            await asyncio.wait_for(stopped.wait(), IN_TIME)
            await client.call(WORKER, CloseRoom(room="3"), Closed, timeout=IN_TIME, request_id=REQUEST_ID)
    assert error.code is ErrorCode.NO_WORKER
    assert {"rpc request ran out of time"} == {line["event"] for line in logs}


async def test_a_worker_handles_only_so_many_requests_at_once(
    redis: Redis, redis_url: str, client: RpcClient
) -> None:
    busy = 0
    go_on = asyncio.Event()

    async def wait(message: Publish) -> Answer:
        nonlocal busy
        busy += 1
        await go_on.wait()
        return await answer_publish(message)

    extra = 10
    async with running(RpcServer(redis, redis_url, WORKER, {Publish: wait})):
        calls = [asyncio.create_task(publish(client)) for _ in range(MAX_BUSY + extra)]
        await eventually("the worker is busy", lambda: busy == MAX_BUSY, IN_TIME)

        async def queued() -> bool:
            return await redis.llen(keys.rpc_requests(WORKER)) == extra

        await eventually("the rest waits in the list", queued, IN_TIME)
        assert busy == MAX_BUSY
        go_on.set()
        await asyncio.gather(*calls)
    assert busy == MAX_BUSY + extra


async def test_a_cancelled_call_leaves_nothing_and_its_late_answer_hurts_nobody(
    redis: Redis, redis_url: str, client: RpcClient
) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def wait(message: Publish) -> Answer:
        entered.set()
        await go_on.wait()
        return await answer_publish(message)

    with capture_logs() as logs:
        async with running(RpcServer(redis, redis_url, WORKER, {Publish: wait})):
            call = asyncio.create_task(publish(client))
            await asyncio.wait_for(entered.wait(), IN_TIME)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert client._pending == {}
            go_on.set()
            assert (await publish(client)).session == "w1.demo"
    assert logs == []


async def test_requests_under_way_end_with_the_worker(
    redis: Redis, redis_url: str, client: RpcClient
) -> None:
    entered, stopped = asyncio.Event(), asyncio.Event()

    async def hang(_: Publish) -> Answer:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError

    async with running(RpcServer(redis, redis_url, WORKER, {Publish: hang})):
        call = asyncio.create_task(publish(client, timeout=0.5))
        await asyncio.wait_for(entered.wait(), IN_TIME)
    assert stopped.is_set()
    assert (await refused(call)).code is ErrorCode.NO_WORKER


async def test_without_redis_calls_fail_fast_and_work_again_once_it_is_back(
    own_valkey: EmbeddedValkey,
) -> None:
    redis = connect(own_valkey.url)
    client = RpcClient(redis, own_valkey.url)
    server = RpcServer(redis, own_valkey.url, WORKER, {Publish: answer_publish})
    async with running(client, server):
        assert await publish(client)
        await asyncio.to_thread(own_valkey.stop)
        for _ in range(3):
            async with Stopwatch() as watch:
                error = await refused(publish(client, timeout=2.0))
            assert watch.seconds < 1.5
            assert (error.code, error.detail) == (ErrorCode.NO_WORKER, "Redis is away")
        await asyncio.to_thread(own_valkey.start)
        assert (await publish(client)).session == "w1.demo"
    await redis.aclose()


async def test_a_call_under_way_when_redis_dies_ends_by_its_deadline(own_valkey: EmbeddedValkey) -> None:
    entered = asyncio.Event()

    async def hang(_: Publish) -> Answer:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    redis = connect(own_valkey.url)
    client = RpcClient(redis, own_valkey.url)
    with capture_logs():
        async with running(client, RpcServer(redis, own_valkey.url, WORKER, {Publish: hang})):
            call = asyncio.create_task(publish(client, timeout=1.0))
            await asyncio.wait_for(entered.wait(), IN_TIME)
            await asyncio.to_thread(own_valkey.stop)
            assert (await refused(call)).code is ErrorCode.NO_WORKER
    await redis.aclose()
