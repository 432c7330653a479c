"""A client and a server of RPC on the Valkey of the test run."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from shared.messages.signalling import CloseRoom, Publish
from shared.rpc.client import RpcClient
from shared.rpc.server import RpcServer
from tests.integration.rpc.ends import WORKER, answer_close, answer_publish, running


@pytest.fixture
async def client(redis: Redis, redis_url: str) -> AsyncIterator[RpcClient]:
    client = RpcClient(redis, redis_url)
    async with running(client):
        yield client
    assert client._pending == {}


@pytest.fixture
async def server(redis: Redis, redis_url: str) -> AsyncIterator[RpcServer]:
    """A worker that answers `Publish` and `CloseRoom`."""
    server = RpcServer(redis, redis_url, WORKER, {Publish: answer_publish, CloseRoom: answer_close})
    async with running(server):
        yield server
