"""Whether Redis answers, known before a request has to find out, so that no request waits for a timeout.

The directory has lost rooms that live when Redis comes back empty, after an outage in which claims may have
expired, or as another server, which has not the last writes of the former one. The workers announce
themselves and their rooms again within two seconds. Until then a room that is not in the directory may
exist all the same.
"""

from time import monotonic
from types import TracebackType

from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from control.workers.redis_share import within
from shared.beat import beat
from shared.bus import keys
from shared.bus.answer_time import answered_within
from shared.errors import REDIS_RETRY_SECONDS, ErrorCode, ServiceError, redis_away
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0
LOOK_AWAY_SECONDS = 0.5
ANSWER_SECONDS = 1.0
# This long after an outage was noticed, a claim has expired that was refreshed a heartbeat before the outage.
EXPIRY_SECONDS = keys.CLAIM_TTL_MS / 1000 - keys.HEARTBEAT_SECONDS - LOOK_SECONDS
SETTLE_SECONDS = 2.0  # until workers have announced all: a heartbeat, the pause of a reader, and a reserve

log = get_logger()


class RedisWatch:
    """`run` must be running for it to notice that Redis is back.

    It asks by `redis`, which no request uses: in a flood, a request may wait long for a connection, and that
    says nothing of Redis. `fails_over`: it may be another server when it is back.
    """

    def __init__(self, redis: Redis, *, fails_over: bool = False) -> None:
        self._redis = redis
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
                    empty = not await self._redis.exists(keys.WORKERS)
            except (RedisError, OSError) as error:
                self.failed(error)
            else:
                self._answered(monotonic(), empty=empty)
            await beat(LOOK_AWAY_SECONDS if self._away else LOOK_SECONDS)

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
