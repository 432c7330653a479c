"""How both planes connect to Redis or Valkey.

The timeouts are our own and cover whole calls. Those of redis-py cover each read and write, so that a call
could last several times as long. And redis-py writes under `asyncio.wait_for`, which before Python 3.12 may
lose a cancellation: the cancelled task would continue.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import cached_property
from inspect import isawaitable
from typing import Any

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from shared.bus.answer_time import CALL_TIMEOUT_SECONDS, answered_within
from shared.bus.line import Command, Line
from shared.bus.primary import connection_options
from shared.bus.shared_line import SharedLine

# Shared by all calls of a process: in a burst, calls wait for a connection instead of opening their own.
MAX_CONNECTIONS = 16

Results = asyncio.Future[list[Any]]


class ShortCalls(Redis):
    """Has a line of its own for what is asked at one moment, at a third of the cost of its pool.

    `carrier` is asked first: it takes commands along on a way that somebody else has, or returns None.
    """

    carrier: Callable[[Sequence[Command]], Results | None] | None = None

    @cached_property
    def line(self) -> SharedLine:
        return SharedLine(self.connection_pool)

    def ask(self, commands: Sequence[Command]) -> Results | None:
        """The results of the commands, as `exchanged` returns them, without the pool; None: use the pool."""
        taken = self.carrier(commands) if self.carrier is not None else None
        return self.line.ask(commands) if taken is None else taken

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await self.line.close()
        await super().aclose(close_connection_pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        taken = self.line.ask([args]) if options.keys() <= _UNUSED_OPTIONS else None
        if taken is None:
            async with answered_within(CALL_TIMEOUT_SECONDS):
                return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        [answer] = await taken
        if isinstance(answer, ResponseError):
            raise answer
        if (read := self.response_callbacks.get(args[0])) is None:
            return answer
        value = read(answer)
        return await value if isawaitable(value) else value

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return _ShortPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


_UNUSED_OPTIONS = frozenset({"keys"})  # by which redis-py would find what it has cached


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


def blocking_line(url: str) -> Line:
    """For one reader that blocks in BLPOP, under `answered_within`.

    `url` is a REDIS_URL; raises `ValueError` if it is none.
    """
    retry = Retry(NoBackoff(), 0)
    return Line(ConnectionPool(socket_timeout=None, retry=retry, **connection_options(url)))
