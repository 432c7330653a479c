"""Both ends of RPC, and a call between them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.bus.connection import connect
from shared.errors import ServiceError
from shared.messages.encoding import DecodeError
from shared.messages.signalling import Answer, Closed, CloseRoom, Publish
from shared.names import RequestId, WorkerId
from shared.rpc.client import RpcClient
from shared.rpc.server import RpcServer
from tests.support.own_valkey import OwnValkey

WORKER = WorkerId("w1")
REQUEST_ID = RequestId("request-1")
IN_TIME = 5.0  # for calls that are expected to be answered
PUBLISH = Publish(room="demo", offer=b"the offer")


async def answer_publish(message: Publish) -> Answer:
    if message != PUBLISH:
        raise DecodeError("not an offer")
    return Answer(session=f"w1.{message.room}", sdp=message.offer.decode(), etag="e")


class Slow:
    """Answers `Publish` when it `may_answer`, as a handler that awaits Redis or the disk."""

    def __init__(self) -> None:
        self.taken: list[Publish] = []
        self.entered, self.may_answer, self.left = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, message: Publish) -> Answer:
        self.taken.append(message)
        self.entered.set()
        try:
            await self.may_answer.wait()
        finally:
            self.left.set()
        return await answer_publish(message)


async def answer_close(message: CloseRoom) -> Closed:
    return Closed(sessions=int(message.room))


@contextlib.asynccontextmanager
async def running(*ends: RpcClient | RpcServer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(end.run()) for end in ends]
    yield
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)


async def publish(client: RpcClient, timeout: float = IN_TIME) -> Answer:
    return await client.call(WORKER, PUBLISH, Answer, timeout=timeout, request_id=REQUEST_ID)


@contextlib.asynccontextmanager
async def over_own(valkey: OwnValkey) -> AsyncIterator[tuple[Redis, RpcClient]]:
    """A connection and a client, and a worker that answers `Publish`, on a Valkey that may be stopped."""
    async with connect(valkey.url) as redis:
        client = RpcClient(redis, valkey.url)
        server = RpcServer(redis, valkey.url, WORKER, {Publish: answer_publish})
        async with running(client, server):
            await publish(client)
            yield redis, client


async def refused(call: Awaitable[Any]) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await call
    return caught.value
