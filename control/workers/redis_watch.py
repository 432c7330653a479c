"""Whether Redis answers, known before a request has to find out, so that no request waits for a timeout.

The directory lacks rooms that live if Redis is not the one of before (`epoch.lua`), or after an outage in
which claims may have expired. The workers announce themselves and their rooms again within two seconds. Until
then a room that is not in the directory may exist all the same.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from control.workers.redis_share import within
from shared.beat import beat
from shared.bus import keys
from shared.bus.answer_time import answered_within
from shared.bus.connection import address_of
from shared.directory.directory import Directory
from shared.errors import redis_away, redis_is_new
from shared.telemetry.failure import in_words
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0
LOOK_AWAY_SECONDS = 0.5
ANSWER_SECONDS = 1.0
# This long after an outage was noticed, a claim has expired that was refreshed a heartbeat before the outage.
EXPIRY_SECONDS = keys.CLAIM_TTL_MS / 1000 - keys.HEARTBEAT_SECONDS - LOOK_SECONDS
PROBE_SECONDS = 10  # the life of what the look writes
SETTLE_SECONDS = 2.0  # until workers have announced all: a heartbeat, the pause of a reader, and a reserve
_CONSEQUENCE = "new publishers and viewers get 503; running streams continue"

log = get_logger()


class RedisWatch:
    """`run` must be running for it to notice that Redis is back.

    It asks by `redis`, which no request uses: in a flood, a request may wait long for a connection, and that
    says nothing of Redis. It writes: a Redis that is full, or a replica, answers and forgets all heartbeats.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._directory = Directory(redis)
        self._away = False
        self._away_since = 0.0
        self._data_id = b""  # of what Redis holds, as last read; empty: never read
        self._answered_at: float | None = None  # None: never since this process started
        self._settled_at = 0.0

    @property
    def is_away(self) -> bool:
        return self._away

    def is_settled(self) -> bool:
        """Whether Redis answers, and the processes had the time to write back what it may have lost."""
        now = monotonic()
        answers = self._answered_at is not None and not self._away and not self._has_missed(now)
        return answers and now >= self._settled_at

    def check(self) -> None:
        """Raises `NO_WORKER` when Redis is known to be away."""
        if self._away:
            raise redis_away()

    def check_claims(self) -> None:
        """Raises `NO_WORKER` as long as claims that have expired in an outage may be claimed again.

        A process that was paused has not looked: it does not know whether there was an outage.
        """
        now = monotonic()
        if now < self._settled_at or self._has_missed(now):
            raise redis_is_new()

    async def check_settled(self) -> None:
        """Raises `NO_WORKER` as long as something that is missing in the directory may exist all the same."""
        self.check_claims()
        async with self.bounded(ANSWER_SECONDS):
            await self._directory.check_complete()

    @asynccontextmanager
    async def bounded(self, seconds: float) -> AsyncIterator[None]:
        """Bound what needs Redis. Raises `NO_WORKER` when Redis fails, hangs, or is known to be away."""
        self.check()
        try:
            async with within(seconds):
                yield
        except (RedisError, TimeoutError) as error:
            if isinstance(error, RedisError) and not isinstance(error, RedisTimeoutError):
                self.failed(error)
            raise redis_away() from None

    async def run(self) -> None:
        while True:
            await self.look()
            await beat(LOOK_AWAY_SECONDS if self._away else LOOK_SECONDS)

    async def look(self) -> None:
        """Look once, within `ANSWER_SECONDS`."""
        try:
            async with answered_within(ANSWER_SECONDS):
                await self._redis.set(keys.PROBE, 1, ex=PROBE_SECONDS)
                data_id = await self._look_at_data()
                knows = self._answered_at is not None or await self._hears_all()
        except (RedisError, OSError) as error:
            self.failed(error)
        else:
            self._answered(monotonic(), knows, data_id)

    async def _look_at_data(self) -> bytes:
        """The id of what Redis holds. A Redis that has lost everything gets another one."""
        data_id = cast(bytes | None, await self._redis.get(keys.DATA_ID))
        if data_id is None:
            await self._redis.set(keys.DATA_ID, secrets.token_hex(8))
            data_id = cast(bytes | None, await self._redis.get(keys.DATA_ID))
        return data_id or b""

    async def _hears_all(self) -> bool:
        """Whether Redis has heard every worker lately: otherwise it may have been away, or refused writes."""
        return await self._directory.longest_silence() < EXPIRY_SECONDS

    def failed(self, error: Exception) -> None:
        """Note that Redis does not answer."""
        if not self._away:
            refused = isinstance(error, ResponseError) and not isinstance(error, RedisConnectionError)
            what = "Redis refuses writes" if refused else "Redis is away"
            self._away_since = monotonic()
            address = address_of(self._redis)
            log.error(what, redis=address, consequence=_CONSEQUENCE, error=in_words(error, address))
        self._away = True

    def _answered(self, now: float, knows: bool, data_id: bytes) -> None:
        """`knows`: of an outage before this process started, it would know."""
        if self._has_missed(now) or (self._away and self._answered_at is None) or not knows:
            self._settled_at = now + SETTLE_SECONDS
        if self._away:
            log.info(
                "Redis is back",
                redis=address_of(self._redis),
                seconds=round(now - self._away_since, 1),
                data=self._what_became_of(data_id),
            )
            self._away = False
        self._data_id = data_id
        self._answered_at = now

    def _what_became_of(self, data_id: bytes) -> str:
        if not self._data_id:
            return "not known: this process started while Redis was away"
        return "kept" if data_id == self._data_id else "lost: workers announce their rooms again"

    def _has_missed(self, now: float) -> bool:
        """Whether Redis was not seen for so long that claims may have expired."""
        return self._answered_at is not None and now - self._answered_at >= EXPIRY_SECONDS
