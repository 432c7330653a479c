"""Rate limit by client address: token buckets in Redis, shared by all control replicas.

Offers have a bucket of their own: so a page that asks for many things does not keep its user from playing,
nor do many offers keep others behind the same address from looking.
"""

import math
import re
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from control.http.caller import caller_of
from control.http.problems import problem_response
from control.workers.redis_share import within
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.bus.batch import Call, called
from shared.errors import ErrorCode, ServiceError
from shared.telemetry.failure import in_words
from shared.telemetry.logging import get_logger

TIMEOUT_SECONDS = 0.4

_OFFER = re.compile(r"(/api/(?:whip/publish|whep/play)/)[^/]*")

log = get_logger()


class TokenBuckets:
    """A bucket of `burst` tokens for each client, filled by `rate` a second. One round trip a request."""

    def __init__(
        self, redis: Redis, rate: float, burst: int, key: Callable[[str], str] = keys.rate_bucket
    ) -> None:
        """`key` names the bucket of a client."""
        self._redis = redis
        self._key = key
        self._rate = rate
        self._burst = burst or max(1, math.ceil(rate))

    async def take(self, client: str) -> int:
        """Take a token; returns 0, or the milliseconds until there is one. May raise `RedisError`."""
        wait: int = await called(
            self._redis, Call("take_token", [self._key(client)], [self._rate, self._burst])
        )
        return wait


class RateLimit:
    """Middleware for everything under `/api/`; no buckets: no limit.

    OPTIONS passes: it is answered from memory. A page of another origin would learn neither the status of a
    preflight that is refused nor when to come again, and each of its requests would take two tokens.

    While Redis is away all requests pass: the expensive ones need Redis, and are answered 503 anyway.
    """

    def __init__(
        self, app: ASGIApp, buckets: TokenBuckets | None, of_offers: TokenBuckets | None, watch: RedisWatch
    ) -> None:
        self._app = app
        self._watch = watch
        self._buckets = buckets
        self._of_offers = of_offers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and scope["method"] != "OPTIONS" and scope["path"].startswith("/api/"):
            offer = _OFFER.fullmatch(scope["path"]) if scope["method"] == "POST" else None
            buckets = self._of_offers if offer else self._buckets
            if buckets and (wait := await self._wait(buckets, caller_of(Request(scope)).network)):
                error = ServiceError(ErrorCode.RATE_LIMITED, retry_after=math.ceil(wait / 1000))
                scope["state"]["cause"] = error.cause
                if offer:  # it does not get to the router
                    scope["state"]["route"] = f"{offer[1]}{{room}}"
                app = problem_response(error)
        await app(scope, receive, send)

    async def _wait(self, buckets: TokenBuckets, client: str) -> int:
        if self._watch.is_away:
            return 0
        try:
            async with within(TIMEOUT_SECONDS):
                return await buckets.take(client)
        except (RedisError, TimeoutError) as error:
            log.warning("rate limit not checked: Redis is away", error=in_words(error))
            return 0
