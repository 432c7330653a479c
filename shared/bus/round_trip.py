"""Several commands in one round trip, over a connection of redis-py.

A pipeline of redis-py does the same, and costs three times as much: a request and its reply are most of what
a process does for a client that joins.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.bus.answer_time import CALL_TIMEOUT_SECONDS, answered_within
from shared.bus.connection import ShortCalls
from shared.bus.line import Command, exchanged


async def round_trip(redis: Redis, commands: Sequence[Command]) -> list[Any]:
    """The results, each as Redis sends it or the `ResponseError`; raises other `RedisError`s."""
    taken = redis.ask(commands) if isinstance(redis, ShortCalls) else None
    if taken is not None:
        with suppress(RedisConnectionError):  # a connection that rested may have died unnoticed
            return await taken
    async with answered_within(CALL_TIMEOUT_SECONDS):
        pool = redis.connection_pool
        connection: Any = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            with suppress(RedisConnectionError):
                return await exchanged(connection, commands)
            await pool.ensure_connection(connection)
            return await exchanged(connection, commands)
        finally:
            await pool.release(connection)
