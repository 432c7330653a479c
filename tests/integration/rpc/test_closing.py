"""A worker that leaves: what waits for it is served, and nobody waits for it any more."""

import asyncio
from collections import Counter

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared.bus import keys
from shared.errors import ServiceError
from shared.messages.signalling import Publish
from shared.rpc.client import RpcClient
from shared.rpc.server import RpcServer
from tests.integration.rpc.ends import IN_TIME, WORKER, Slow, answer_publish, publish, running
from tests.support.waiting import eventually

CALLERS = 50


def new_server(redis: Redis, redis_url: str) -> RpcServer:
    return RpcServer(redis, redis_url, WORKER, {Publish: answer_publish})


async def left(redis: Redis, redis_url: str) -> None:
    """Let a worker come and leave."""
    server = new_server(redis, redis_url)
    serving = asyncio.create_task(server.run())
    await server.close()
    await asyncio.wait_for(serving, IN_TIME)


async def test_a_request_under_way_is_finished(redis: Redis, redis_url: str, client: RpcClient) -> None:
    slow = Slow()
    server = RpcServer(redis, redis_url, WORKER, {Publish: slow})
    serving = asyncio.create_task(server.run())
    call = asyncio.create_task(publish(client))
    await asyncio.wait_for(slow.entered.wait(), IN_TIME)
    await server.close()
    slow.may_answer.set()
    assert (await call).etag == "e"
    await asyncio.wait_for(serving, IN_TIME)


async def test_each_of_a_crowd_is_answered_or_told(redis: Redis, redis_url: str, client: RpcClient) -> None:
    """Calls come before, while and after the list is closed: none of them meets silence."""
    outcomes: Counter[str] = Counter()
    is_over = asyncio.Event()

    async def keep_calling() -> None:
        while not is_over.is_set():
            try:
                await publish(client)
                outcomes["answered"] += 1
            except ServiceError as error:
                outcomes[type(error).__name__] += 1

    server = new_server(redis, redis_url)
    serving = asyncio.create_task(server.run())
    callers = [asyncio.create_task(keep_calling()) for _ in range(CALLERS)]
    await eventually("they are answered", lambda: outcomes["answered"] > CALLERS, IN_TIME)
    await server.close()
    await asyncio.wait_for(serving, IN_TIME)
    await eventually("they are told", lambda: outcomes["LeftWorkerError"] > CALLERS, IN_TIME)
    is_over.set()
    await asyncio.gather(*callers)
    assert set(outcomes) == {"answered", "LeftWorkerError"}


@pytest.mark.parametrize("times", [1, 2])
async def test_the_next_process_of_that_name_is_called_again(
    redis: Redis, redis_url: str, client: RpcClient, times: int
) -> None:
    for _ in range(times):  # the second one finds the mark of the first
        await left(redis, redis_url)
    with capture_logs() as logs:
        async with running(new_server(redis, redis_url)):

            async def opened() -> bool:
                return not await redis.exists(keys.rpc_requests(WORKER))

            await eventually("the list is open", opened, IN_TIME)
            assert (await publish(client)).etag == "e"
    assert logs == []


async def test_the_mark_does_not_stay(redis: Redis, redis_url: str) -> None:
    await new_server(redis, redis_url).close()  # which nobody takes off the list
    assert 0 < await redis.ttl(keys.rpc_requests(WORKER)) <= keys.LIST_TTL_SECONDS
