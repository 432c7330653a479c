"""How both planes connect to Redis or Valkey.

Timeouts are ours, around whole calls. Those of redis-py hold for each read and write, so that a call could
last several times as long; and it writes under `asyncio.wait_for`, which before Python 3.12 may swallow a
cancellation: the task that was to end goes on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError

# Shared by all calls of a process: a burst of them waits its turn, rather than opening a connection for each.
MAX_CONNECTIONS = 16

# A call that is not answered within this is failed: control answers 503 within 2 s (API.md).
CALL_TIMEOUT_SECONDS = 1.0


@asynccontextmanager
async def answered_within(seconds: float) -> AsyncIterator[None]:
    """Bound what is inside; raises redis-py's own `TimeoutError`, a `RedisError`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise RedisTimeoutError(f"no answer within {seconds:g} s") from None


class _ShortCalls(Redis):
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
    """A client for short calls. It connects on first use, and fails fast rather than retrying."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=None,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 1),  # once: a pooled connection may have died unnoticed
        health_check_interval=15,
    )
    return _ShortCalls.from_pool(pool)


def connect_blocking(url: str) -> Redis:
    """A client for one reader that waits in BLPOP, under `answered_within`."""
    return Redis.from_url(url, socket_timeout=None, retry=Retry(NoBackoff(), 0))
