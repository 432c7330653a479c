"""How both planes connect to Redis or Valkey."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

# A call that is not answered within this is failed: control answers 503 within 2 s (API.md).
CALL_TIMEOUT_SECONDS = 1.0


def connect(url: str) -> Redis:
    """A client for short calls. It connects on first use, and fails fast rather than retrying."""
    return Redis.from_url(
        url,
        socket_timeout=CALL_TIMEOUT_SECONDS,
        socket_connect_timeout=CALL_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),  # once: a pooled connection may have died unnoticed
        health_check_interval=15,
    )


def connect_blocking(url: str, block_seconds: float) -> Redis:
    """A client for one reader that waits in BLPOP for up to `block_seconds`."""
    return Redis.from_url(
        url,
        socket_timeout=block_seconds + CALL_TIMEOUT_SECONDS,
        socket_connect_timeout=CALL_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
