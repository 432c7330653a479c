"""Whether Redis answers, known before a request has to find out, so that no request waits for a timeout.

The directory has lost rooms that live when Redis comes back empty, after an outage in which claims may have
expired, or as another server, which has not the last writes of the former one. The workers announce
themselves and their rooms again within two seconds. Until then a room that is not in the directory may
exist all the same.
"""

from contextlib import suppress
from math import inf
from time import monotonic
from types import TracebackType

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from control.workers.redis_share import within
from shared.beat import beat
from shared.bus import keys
from shared.bus.answer_time import answered_within
from shared.bus.connection import ShortCalls
from shared.errors import REDIS_RETRY_SECONDS, ErrorCode, ServiceError, redis_away
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0
LOOK_AWAY_SECONDS = 0.5
ANSWER_SECONDS = 1.0
# This long after an outage was noticed, a claim has expired that was refreshed a heartbeat before the outage.
EXPIRY_SECONDS = keys.CLAIM_TTL_MS / 1000 - keys.HEARTBEAT_SECONDS - LOOK_SECONDS
SETTLE_SECONDS = 2.0  # until workers have announced all: a heartbeat, the pause of a reader, and a reserve
ALONG_SECONDS = 0.4  # the limit for an answer that comes along with others, which may be long
REST_SECONDS = 10.0  # a connection that rests this long is ended: a router on the way may forget it

log = get_logger()


class RedisWatch:
    """`run` must be running for it to notice that Redis is back.

    It asks along with what else is asked of `redis` at that moment. While that has a trip under way, or if it
    is long, it asks `own`, which no request uses: in a flood, a request may wait long for a connection, and
    that says nothing of Redis. `fails_over`: it may be another server when it is back.
    """

    def __init__(self, redis: Redis, own: Redis | None = None, *, fails_over: bool = False) -> None:
        self._redis = redis
        self._own = redis if own is None else own
        self._own_asked_at = inf  # until its connection has ended
        self._fails_over = fails_over
        self._away = False
        self._answered_at: float | None = None  # None: never since this process started
        self._settled_at = 0.0

    @property
    def is_away(self) -> bool:
        return self._away

    def check(self) -> None:
        """Raises `NO_WORKER` when Redis is known to be away."""
        if self._away:
            raise redis_away()

    def check_settled(self) -> None:
        """Raises `NO_WORKER` as long as something that is missing in the directory may exist all the same."""
        if monotonic() < self._settled_at:
            raise ServiceError(
                ErrorCode.NO_WORKER, detail="Redis has just come back", retry_after=REDIS_RETRY_SECONDS
            )

    def bounded(self, seconds: float) -> "_Bounded":
        """Bound what needs Redis. Raises `NO_WORKER` when Redis fails, hangs, or is known to be away."""
        return _Bounded(self, seconds)

    async def run(self) -> None:
        while True:
            try:
                async with answered_within(ANSWER_SECONDS):
                    empty = await self._is_empty()
            except (RedisError, OSError) as error:
                self.failed(error)
            except Exception:  # what asked along with it may have been wrong
                log.exception("cannot look whether redis answers")
            else:
                self._answered(monotonic(), empty=empty)
            await self._end_unused()
            await beat(LOOK_AWAY_SECONDS if self._away else LOOK_SECONDS)

    async def _is_empty(self) -> bool:
        """May raise `RedisError`."""
        along = self._redis.ask([("EXISTS", keys.WORKERS)]) if isinstance(self._redis, ShortCalls) else None
        if along is not None:
            with suppress(RedisConnectionError, RedisTimeoutError):  # of all that it carries
                async with answered_within(ALONG_SECONDS):
                    [found] = await along
                if isinstance(found, ResponseError):
                    raise found
                return not found
        self._own_asked_at = monotonic()
        return not await self._own.exists(keys.WORKERS)

    async def _end_unused(self) -> None:
        if self._own is self._redis or monotonic() - self._own_asked_at <= REST_SECONDS:
            return
        self._own_asked_at = inf
        with suppress(RedisError, OSError):
            async with answered_within(ANSWER_SECONDS):
                await self._own.aclose()

    def failed(self, error: Exception) -> None:
        """Note that Redis does not answer."""
        if not self._away:
            log.error("Redis is away", reason=type(error).__name__)
        self._away = True

    def _answered(self, now: float, *, empty: bool) -> None:
        if self._away:
            log.info("Redis is back", empty=empty)
            before, self._away = self._answered_at, False
            if before is not None and (empty or self._fails_over or now - before >= EXPIRY_SECONDS):
                self._settled_at = now + SETTLE_SECONDS
        self._answered_at = now


class _Bounded:
    __slots__ = ("_limit", "_seconds", "_watch")

    def __init__(self, watch: RedisWatch, seconds: float) -> None:
        self._watch = watch
        self._seconds = seconds

    async def __aenter__(self) -> None:
        self._watch.check()
        self._limit = within(self._seconds)
        try:
            await self._limit.__aenter__()
        except TimeoutError:
            raise redis_away() from None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError:
            raise redis_away() from None
        if isinstance(error, RedisError) and not isinstance(error, RedisTimeoutError):
            self._watch.failed(error)
        if isinstance(error, RedisError | TimeoutError):
            raise redis_away() from None
