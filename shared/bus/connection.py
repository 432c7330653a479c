"""How both planes connect to Redis or Valkey.

The timeouts are our own and cover whole calls. Those of redis-py cover each read and write, so that a call
could last several times as long. And redis-py writes under `asyncio.wait_for`, which before Python 3.12 may
lose a cancellation: the cancelled task would continue.
"""

from functools import cached_property
from types import TracebackType
from typing import Any

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.bus.fair_timeout import fair_timeout
from shared.bus.primary import connection_options

# Shared by all calls of a process: in a burst, calls wait for a connection instead of opening their own.
MAX_CONNECTIONS = 16

# A call that takes longer fails: control must answer 503 within 2 s (control/openapi.yaml).
CALL_TIMEOUT_SECONDS = 1.0


class answered_within(fair_timeout):  # noqa: N801
    """Limit the time of the block; raises redis-py's `TimeoutError`, which is a `RedisError`."""

    __slots__ = ()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        except TimeoutError:
            raise self._late() from None
        if isinstance(error, TimeoutError):
            raise self._late() from None

    def _late(self) -> RedisTimeoutError:
        return RedisTimeoutError(f"no answer within {self.seconds:g} s")


class ShortCalls(Redis):
    """`line` is for whoever finds it free, at a third of the cost of a connection of the pool."""

    @cached_property
    def line(self) -> "Line":
        return Line(self.connection_pool)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await self.line.close()
        await super().aclose(close_connection_pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        async with answered_within(CALL_TIMEOUT_SECONDS):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return _ShortPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class _ShortPipeline(Pipeline):
    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        async with answered_within(CALL_TIMEOUT_SECONDS):
            results: list[Any] = await super().execute(raise_on_error)
            return results


def connect(url: str) -> Redis:
    """A client for short calls. It connects on first use, and fails fast instead of retrying.

    `url` is a REDIS_URL; raises `ValueError` if it is none.
    """
    pool = BlockingConnectionPool(
        max_connections=MAX_CONNECTIONS,
        timeout=None,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 1),  # once: a pooled connection may have died unnoticed
        health_check_interval=15,
        **connection_options(url),
    )
    return ShortCalls.from_pool(pool)


class Line:
    """One connection of a pool's kind for one task at a time; made, and made anew, on use."""

    def __init__(self, pool: ConnectionPool) -> None:
        self.is_taken = False  # by a task that shares it with others
        self._pool = pool
        self._connection: Any = pool.make_connection()  # type: ignore[no-untyped-call]

    async def connected(self) -> Any:
        """The connection of redis-py, with nothing unread. Raises `RedisError`."""
        await self._pool.ensure_connection(self._connection)
        return self._connection

    async def close(self) -> None:
        """Also if it broke. It may be used again."""
        await self._connection.disconnect()


def blocking_line(url: str) -> Line:
    """For one reader that blocks in BLPOP, under `answered_within`.

    `url` is a REDIS_URL; raises `ValueError` if it is none.
    """
    retry = Retry(NoBackoff(), 0)
    return Line(ConnectionPool(socket_timeout=None, retry=retry, **connection_options(url)))
