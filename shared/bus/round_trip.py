"""Several commands in one round trip, over a connection of redis-py.

A pipeline of redis-py does the same, and costs three times as much: a request and its reply are most of what
a process does for a client that joins.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shared.bus.connection import CALL_TIMEOUT_SECONDS, answered_within

Command = tuple[Any, ...]
_TRIES = 2  # a pooled connection may have died unnoticed


async def round_trip(redis: Redis, commands: Sequence[Command]) -> list[Any]:
    """The results, each as Redis sends it or the `ResponseError`; raises other `RedisError`s."""
    async with answered_within(CALL_TIMEOUT_SECONDS):
        for left in reversed(range(_TRIES)):
            connection = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
            try:
                return await exchanged(connection, commands)
            except RedisConnectionError:
                if not left:
                    raise
            finally:
                await redis.connection_pool.release(connection)
    raise AssertionError("unreachable")


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
