"""How both planes connect to Redis or Valkey.

The timeouts are our own and cover whole calls. Those of redis-py cover each read and write, so that a call
could last several times as long. And redis-py writes under `asyncio.wait_for`, which before Python 3.12 may
lose a cancellation: the cancelled task would continue.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shared.bus.answer_time import CALL_TIMEOUT_SECONDS, answered_within
from shared.bus.primary import NEVER_AGAIN, connection_options
from shared.settings.host_port import HostPort

Command = tuple[Any, ...]

# Shared by all calls of a process: in a burst, calls wait for a connection instead of opening their own.
MAX_CONNECTIONS = 16
OWN_CONNECTIONS = 3  # beside them, for what a process does in the same moment of each second
BLOCK_SECONDS = 2.0  # for one BLPOP


def address_of(redis: Redis) -> str:
    """Host and port, or the path, where `redis` connects to, for people; without credentials."""
    options = redis.connection_pool.connection_kwargs
    primary = options.get("primary")
    if primary is not None:
        return str(primary.known or "a primary that is not known")
    return str(options.get("path") or HostPort(options.get("host", "?"), options.get("port", 0)))


class ShortCalls(Redis):
    """Bounds each call. It has some connections of its own beside those of its pool.

    In a process that slept, redis-py's pool takes longer to lend a connection (120 µs) than the call itself.
    """

    @cached_property
    def _own(self) -> tuple[Any, ...]:
        make: Any = self.connection_pool.make_connection
        return tuple(make() for _ in range(OWN_CONNECTIONS))

    @cached_property
    def _free(self) -> list[Any]:
        """Those of its own that nobody uses now. The last one was used last, and is the next."""
        return list(self._own)

    async def take(self) -> Any:
        """A connection, until `give_back`; it connects when it is used. May raise `RedisError`."""
        if self._free:
            return self._free.pop()
        return await self.connection_pool.get_connection()  # type: ignore[no-untyped-call]

    async def give_back(self, connection: Any) -> None:
        if connection in self._own:
            self._free.append(connection)
        else:
            await self.connection_pool.release(connection)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        for connection in self._own:
            await connection.disconnect()
        await super().aclose(close_connection_pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        [result] = await self.exchange([args], **options)
        if isinstance(result, ResponseError):
            raise result
        return result

    async def exchange(self, commands: Sequence[Command], **options: Any) -> list[Any]:
        """The results as redis-py reads them, with a `ResponseError` for each command that Redis refuses.

        Raises other kinds of `RedisError`. A pipeline of redis-py takes twice the time for the same.
        """
        async with answered_within(CALL_TIMEOUT_SECONDS):
            connection = await self.take()
            try:
                with suppress(RedisConnectionError):  # it rested, and may have died unnoticed
                    return await self._exchanged(connection, commands, options)
                return await self._exchanged(connection, commands, options)
            finally:
                await self.give_back(connection)

    async def _exchanged(
        self, connection: Any, commands: Sequence[Command], options: dict[str, Any]
    ) -> list[Any]:
        await connection.send_packed_command(connection.pack_commands(commands))
        return [await self._result(connection, command[0], options) for command in commands]

    async def _result(self, connection: Any, name: str, options: dict[str, Any]) -> Any:
        try:
            return await self.parse_response(connection, name, **options)
        except ResponseError as error:
            return error


def connect(url: str) -> ShortCalls:
    """A client for short calls. It connects on first use, and fails fast instead of retrying.

    `url` is a REDIS_URL; raises `ValueError` if it is none.
    """
    pool = BlockingConnectionPool(
        max_connections=MAX_CONNECTIONS,
        timeout=None,
        socket_timeout=None,
        retry=NEVER_AGAIN,
        **connection_options(url),
    )
    return cast(ShortCalls, ShortCalls.from_pool(pool))


class ListReader:
    """Waits for the entries of the list at `key`, over a connection of its own, for one task.

    `url` is a REDIS_URL; raises `ValueError` if it is none.
    """

    def __init__(self, url: str, key: str) -> None:
        pool = ConnectionPool(socket_timeout=None, retry=NEVER_AGAIN, **connection_options(url))
        self._connection: Any = pool.make_connection()  # type: ignore[no-untyped-call]
        self._key = key

    async def pop(self) -> bytes | None:
        """The next entry; None: none came within about `BLOCK_SECONDS`. May raise `RedisError`."""
        async with answered_within(BLOCK_SECONDS + CALL_TIMEOUT_SECONDS):
            with suppress(RedisConnectionError):  # it may have died unnoticed
                return await self._look()
            return await self._look()

    async def _look(self) -> bytes | None:
        """A connection of redis-py connects when it is used, and ends when reading fails."""
        await self._connection.send_command("BLPOP", self._key, BLOCK_SECONDS)
        found = await self._connection.read_response()
        return found[1] if found else None

    async def close(self) -> None:
        await self._connection.disconnect()
