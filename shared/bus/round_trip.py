"""Several commands in one round trip, over a connection of redis-py.

A pipeline of redis-py does the same, and costs three times as much: a request and its reply are most of what
a process does for a client that joins.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shared.bus.connection import CALL_TIMEOUT_SECONDS, ShortCalls, answered_within

Command = tuple[Any, ...]


async def round_trip(redis: Redis, commands: Sequence[Command]) -> list[Any]:
    """The results, each as Redis sends it or the `ResponseError`; raises other `RedisError`s."""
    async with answered_within(CALL_TIMEOUT_SECONDS):
        if isinstance(redis, ShortCalls) and not redis.line.is_taken:
            line = redis.line
            line.is_taken = True
            try:
                return await _tried(line.connected, commands)
            finally:
                line.is_taken = False
        pool = redis.connection_pool
        connection: Any = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:

            async def connected() -> Any:
                await pool.ensure_connection(connection)
                return connection

            return await _tried(connected, commands)
        finally:
            await pool.release(connection)


async def _tried(connected: Callable[[], Awaitable[Any]], commands: Sequence[Command]) -> list[Any]:
    """Twice if need be: a connection that rested may have died unnoticed."""
    try:
        return await exchanged(await connected(), commands)
    except RedisConnectionError:
        return await exchanged(await connected(), commands)


async def exchanged(connection: Any, commands: Iterable[Command]) -> list[Any]:
    """What `round_trip` returns, over one connection of redis-py, which is not left with results unread."""
    sent = [*commands]
    await connection.send_packed_command(connection.pack_commands(sent))
    return [await result(connection) for _ in sent]


async def result(connection: Any) -> Any:
    """The next one that Redis sends, or the `ResponseError`. Where none comes, the connection ends."""
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error
