"""Clients of a real Valkey fail in time, whatever it does, and can be cancelled."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.bus import batch
from shared.bus.answer_time import CALL_TIMEOUT_SECONDS
from shared.bus.connection import connect
from tests.support.own_valkey import OwnValkey
from tests.support.stopwatch import Stopwatch


async def ping(redis: Redis) -> None:
    await redis.ping()


async def several(redis: Redis) -> None:
    at_once = batch.Batch(redis)
    at_once.add("RPUSH", "list", b"x")
    at_once.add("EXPIRE", "list", 10)
    await at_once.execute()


async def script(redis: Redis) -> None:
    await batch.called(redis, batch.Call("hold_id", ["id"], ["me", 1000]))


Call = Callable[[Redis], Awaitable[None]]
CALLS = pytest.mark.parametrize("call", [ping, several, script])


@CALLS
async def test_a_loop_of_calls_always_ends_when_cancelled(redis: Redis, call: Call) -> None:
    async def call_on(begun: asyncio.Event) -> None:
        while True:
            await call(redis)
            begun.set()

    for passes in range(100):
        begun = asyncio.Event()
        task = asyncio.create_task(call_on(begun))
        await begun.wait()
        for _ in range(passes % 10):  # so that a call is cancelled at each of its steps
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=2.0)
        assert done, "a cancellation was swallowed"
        assert task.cancelled()
    await call(redis)


@CALLS
async def test_a_server_that_hangs_fails_a_call_in_time(own_valkey: OwnValkey, call: Call) -> None:
    redis = connect(own_valkey.url)
    await call(redis)
    server = int((await redis.info("server"))["process_id"])
    os.kill(server, signal.SIGSTOP)
    try:
        for _ in range(2):  # over an open connection, and over a new one
            async with Stopwatch() as watch:
                with pytest.raises(RedisError):
                    await call(redis)
            assert watch.seconds < CALL_TIMEOUT_SECONDS + 0.5
    finally:
        os.kill(server, signal.SIGCONT)
    await call(redis)
    await redis.aclose()


async def test_a_server_that_was_restarted_is_found_again(own_valkey: OwnValkey) -> None:
    redis = connect(own_valkey.url)
    await asyncio.gather(*(redis.ping() for _ in range(10)))  # ten connections, all about to die
    await asyncio.to_thread(own_valkey.stop)
    for _ in range(3):
        with pytest.raises(RedisError):
            await redis.ping()
    await asyncio.to_thread(own_valkey.start)
    await asyncio.gather(*(redis.ping() for _ in range(10)))
    await redis.aclose()
