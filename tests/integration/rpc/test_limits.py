"""Calls that are late, too many, cancelled, or cut off from Redis fail in time and leave nothing."""

import asyncio
import time

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared.bus import keys
from shared.errors import ErrorCode
from shared.messages.signalling import Closed, CloseRoom, Publish
from shared.rpc.client import RpcClient
from shared.rpc.server import MAX_BUSY, RpcServer
from tests.integration.rpc.ends import (
    IN_TIME,
    REQUEST_ID,
    WORKER,
    Slow,
    answer_close,
    over_own,
    publish,
    refused,
    running,
)
from tests.support.own_valkey import OwnValkey
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
    hangs = Slow()
    server = RpcServer(redis, redis_url, WORKER, {Publish: hangs, CloseRoom: answer_close})
    with capture_logs() as logs:
        async with running(server):
            error = await refused(publish(client, timeout=0.6))
            await asyncio.wait_for(hangs.left.wait(), IN_TIME)
            await client.call(WORKER, CloseRoom(room="3"), Closed, timeout=IN_TIME, request_id=REQUEST_ID)
    assert error.code is ErrorCode.NO_WORKER
    assert {"rpc request ran out of time"} == {line["event"] for line in logs}


async def test_a_worker_handles_only_so_many_requests_at_once(
    redis: Redis, redis_url: str, client: RpcClient
) -> None:
    slow, extra = Slow(), 10
    async with running(RpcServer(redis, redis_url, WORKER, {Publish: slow})):
        calls = [asyncio.create_task(publish(client)) for _ in range(MAX_BUSY + extra)]
        await eventually("the worker is busy", lambda: len(slow.taken) == MAX_BUSY, IN_TIME)

        async def queued() -> bool:
            return await redis.llen(keys.rpc_requests(WORKER)) == extra

        await eventually("the rest waits in the list", queued, IN_TIME)
        assert len(slow.taken) == MAX_BUSY
        slow.may_answer.set()
        await asyncio.gather(*calls)
    assert len(slow.taken) == MAX_BUSY + extra


async def test_a_cancelled_call_leaves_nothing_and_its_late_answer_hurts_nobody(
    redis: Redis, redis_url: str, client: RpcClient
) -> None:
    slow = Slow()
    with capture_logs() as logs:
        async with running(RpcServer(redis, redis_url, WORKER, {Publish: slow})):
            call = asyncio.create_task(publish(client))
            await asyncio.wait_for(slow.entered.wait(), IN_TIME)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert client._pending == {}
            slow.may_answer.set()
            assert (await publish(client)).session == "w1.demo"
    assert logs == []


async def test_requests_under_way_end_with_the_worker(
    redis: Redis, redis_url: str, client: RpcClient
) -> None:
    hangs = Slow()
    async with running(RpcServer(redis, redis_url, WORKER, {Publish: hangs})):
        call = asyncio.create_task(publish(client, timeout=0.5))
        await asyncio.wait_for(hangs.entered.wait(), IN_TIME)
    assert hangs.left.is_set()
    assert (await refused(call)).code is ErrorCode.NO_WORKER


async def test_without_redis_calls_fail_fast_and_work_again_once_it_is_back(
    own_valkey: OwnValkey,
) -> None:
    async with over_own(own_valkey) as (_, client):
        await asyncio.to_thread(own_valkey.stop)
        for _ in range(3):
            async with Stopwatch() as watch:
                error = await refused(publish(client, timeout=2.0))
            assert watch.seconds < 1.5
            assert (error.code, error.detail) == (ErrorCode.NO_WORKER, "Redis is away")
        await asyncio.to_thread(own_valkey.start)
        assert (await publish(client)).session == "w1.demo"
