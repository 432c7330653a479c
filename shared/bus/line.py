"""One connection of redis-py, for one task at a time, and what goes over it."""

from collections.abc import Iterable
from typing import Any

from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError, ResponseError

Command = tuple[Any, ...]


class Line:
    """One connection of a pool's kind for one task at a time; made, and made anew, on use."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._connection: Any = pool.make_connection()  # type: ignore[no-untyped-call]

    async def connected(self) -> Any:
        """The connection of redis-py, with nothing unread. Raises `RedisError`."""
        if not await self._is_ready():
            await self._pool.ensure_connection(self._connection)
        return self._connection

    async def _is_ready(self) -> bool:
        """Whether the connection may be used: what `ensure_connection` finds out, for a fifth of the time."""
        if not self._connection.is_connected:
            return False
        try:
            return not await self._connection.can_read()
        except (AttributeError, OSError, RedisError):  # redis-py before 8 has no such name
            return False

    async def close(self) -> None:
        """Close the connection, also a broken one. The line may be used again."""
        await self._connection.disconnect()


async def exchanged(connection: Any, commands: Iterable[Command]) -> list[Any]:
    """The results of `commands`, each as Redis sends it or the `ResponseError`; raises other `RedisError`s.

    The connection of redis-py is not left with results unread.
    """
    sent = [*commands]
    await send(connection, sent)
    return [await result(connection) for _ in sent]


async def send(connection: Any, commands: Iterable[Command]) -> None:
    await connection.send_packed_command(connection.pack_commands(commands))


async def result(connection: Any) -> Any:
    """The next result that Redis sends, or the `ResponseError`. Without one, the connection ends."""
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error
