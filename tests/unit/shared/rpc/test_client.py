"""The calling end while Redis is away: it rests between two tries, and goes on."""

import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.rpc import client as module
from shared.rpc.client import RpcClient
from tests.support.waiting import eventually


class Reader:
    """In the place of the list of replies: fails, and says how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_closed = False

    async def pop(self) -> bytes | None:
        self.asked += 1
        await asyncio.sleep(0)
        raise RedisConnectionError

    async def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(("seconds", "asked"), [(60.0, False), (0.001, True)])
async def test_between_two_tries_it_rests(
    seconds: float, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", seconds)
    untyped: Any = None
    client, reader = RpcClient(untyped, "redis://127.0.0.1:1", clock=untyped), Reader()
    monkeypatch.setattr(client, "_reader", reader)
    running = asyncio.create_task(client.run())
    await eventually("it asks", lambda: reader.asked > 3 if asked else reader.asked, 30.0, every=0.001)
    for _ in range(100):
        await asyncio.sleep(0)
    assert (reader.asked > 1) is asked
    running.cancel()
    await asyncio.wait([running])
    assert reader.is_closed
