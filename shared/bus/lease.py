"""A task that one process does at a time: whoever has the lease, which it must renew."""

import asyncio
import secrets
from contextlib import suppress
from math import inf
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.bus import keys
from shared.bus.batch import Call, called

RENEW_SECONDS = 3.0
GIVE_BACK_SECONDS = 0.5  # a process that stops has no more


class Lease:
    """`take` may raise `RedisError`."""

    def __init__(self, redis: Redis, task: str) -> None:
        self._redis = redis
        self._key = keys.lease(task)
        self._holder = secrets.token_hex(8)
        self._ends = -inf

    @property
    def left(self) -> float:
        """For how many seconds no other process can take the lease; negative if this one does not hold it."""
        return self._ends - monotonic()

    async def take(self) -> bool:
        """Take or renew the lease; False if another process has it."""
        asked = monotonic()
        hold = Call("hold_id", [self._key], [self._holder, keys.LEASE_TTL_MS])
        held: bool = await called(self._redis, hold) == self._holder.encode()
        self._ends = asked + keys.LEASE_TTL_MS / 1000 if held else -inf
        return held

    async def give_back(self) -> None:
        """Let another process have it at once, if Redis answers. Never raises for Redis' sake."""
        if self.left <= 0:
            return
        self._ends = -inf
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await called(self._redis, Call("release_room", [self._key], [self._holder]))
