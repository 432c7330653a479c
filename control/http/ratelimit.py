"""Rate limit by client address: token buckets in Redis, shared by all control replicas."""

import math
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from control.http.caller import caller_of
from control.http.problems import problem_response
from control.workers.redis_share import within
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.errors import ErrorCode, ServiceError
from shared.logging import get_logger

TIMEOUT_SECONDS = 0.4

log = get_logger()


class TokenBuckets:
    """A bucket of `burst` tokens for each client, filled by `rate` a second. One round trip a request."""

    def __init__(self, redis: Redis, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst or max(1, math.ceil(rate))
        self._take = redis.register_script(Path(__file__).with_suffix(".lua").read_text(encoding="utf-8"))

    async def take(self, client: str) -> int:
        """Take a token; returns 0, or the milliseconds until there is one. May raise `RedisError`."""
        key = keys.rate_bucket(client)
        wait: int = await self._take(keys=[key], args=[self._rate, self._burst])
        return wait


class RateLimit:
    """Middleware for everything under `/api/`.

    While Redis is away all requests pass: the expensive ones need Redis, and are answered 503 anyway.
    """

    def __init__(self, app: ASGIApp, buckets: TokenBuckets, watch: RedisWatch) -> None:
        self._app = app
        self._watch = watch
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            wait = await self._wait(caller_of(Request(scope)).network)
            if wait:
                error = ServiceError(ErrorCode.RATE_LIMITED, retry_after=math.ceil(wait / 1000))
                app = problem_response(error)
        await app(scope, receive, send)

    async def _wait(self, client: str) -> int:
        if self._watch.is_away:
            return 0
        try:
            async with within(TIMEOUT_SECONDS):
                return await self._buckets.take(client)
        except (RedisError, TimeoutError) as error:
            log.warning("rate limit not checked: Redis is away", reason=type(error).__name__)
            return 0
