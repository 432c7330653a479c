"""A look at a list ends when its process beats, although a Valkey that rests looks at its clock rarely."""

import asyncio

import pytest
from redis.asyncio import Redis

from deploy.valkey import EmbeddedValkey
from shared.beat import BEAT_SECONDS, beat, until_beat
from shared.bus.connection import connect
from shared.bus.list_reader import ListReader

IN_TIME = 5.0
SOON_SECONDS = 0.2


@pytest.mark.alone
async def test_a_look_ends_with_a_beat() -> None:
    valkey = EmbeddedValkey()
    await asyncio.to_thread(valkey.start)
    redis, reader = connect(valkey.url), ListReader(valkey.url, "none")
    beating = asyncio.create_task(ask_at_each_beat(redis))
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(IN_TIME):
            assert await reader.pop() is None
        assert -until_beat(loop.time()) % BEAT_SECONDS < SOON_SECONDS  # since the last beat
    finally:
        beating.cancel()
        await reader.close()
        await redis.aclose()
        await asyncio.to_thread(valkey.stop)


async def ask_at_each_beat(redis: Redis) -> None:
    while True:
        await beat()
        await redis.ping()
