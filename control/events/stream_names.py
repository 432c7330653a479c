"""The event streams that the clients of each session have created, in Redis: any control process serves them.

One small set for each session. What nobody created cannot be closed, so closing it leaves nothing behind.
"""

from collections.abc import Sequence

from redis.asyncio import Redis

from control.workers.cluster import LIMIT_SECONDS
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.bus.batch import Batch
from shared.bus.redis_clock import RedisClock
from shared.names import SessionId

MAX_NAMES = 8  # names of one session's streams: the newest stay
LIFE_SECONDS = 120  # names live this long after a session's last stream was created or followed
_SLICE = 500  # sessions in one round trip


class StreamNames:
    """Every call is one round trip, and raises `NO_WORKER` when Redis is away."""

    def __init__(self, redis: Redis, clock: RedisClock, watch: RedisWatch) -> None:
        self._redis = redis
        self._clock = clock
        self._watch = watch

    async def add(self, session: SessionId, name: str) -> None:
        key, batch = keys.event_streams(session), Batch(self._redis)
        batch.add("ZADD", key, self._clock.now(), name)
        batch.add("ZREMRANGEBYRANK", key, 0, -1 - MAX_NAMES)
        batch.add("EXPIRE", key, LIFE_SECONDS)
        async with self._watch.bounded(LIMIT_SECONDS):
            await batch.execute()

    async def has(self, session: SessionId, name: str) -> bool:
        """Whether the stream was created and is not closed. Keeps it alive."""
        key, batch = keys.event_streams(session), Batch(self._redis)
        batch.add("ZSCORE", key, name)
        batch.add("EXPIRE", key, LIFE_SECONDS)
        async with self._watch.bounded(LIMIT_SECONDS):
            score, _ = await batch.execute()
        return score is not None

    async def remove(self, session: SessionId, name: str) -> bool:
        """Close a stream; False if there was none."""
        async with self._watch.bounded(LIMIT_SECONDS):
            return bool(await self._redis.zrem(keys.event_streams(session), name))

    async def keep(self, sessions: Sequence[SessionId]) -> None:
        """Keep the streams of these sessions alive, since somebody follows them.

        One round trip for each 500.
        """
        for start in range(0, len(sessions), _SLICE):
            batch = Batch(self._redis)
            for session in sessions[start : start + _SLICE]:
                batch.add("EXPIRE", keys.event_streams(session), LIFE_SECONDS)
            async with self._watch.bounded(LIMIT_SECONDS):
                await batch.execute()
