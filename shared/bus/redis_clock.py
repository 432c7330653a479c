"""Redis' own clock, the one that all processes of a cluster share, as it is read from afar.

What one process writes as a time and another compares with the present is a time of this clock. So it does
not matter what the hosts' own clocks say.
"""

import time
from collections.abc import Callable
from math import isinf, nan
from typing import Any

from redis.asyncio import Redis

from shared.bus.batch import Batch
from shared.bus.clock_offset import ClockOffset
from shared.bus.connection import Command

MAX_AGE_SECONDS = 3.0  # RPC relies on no older reading


class RedisClock:
    """Unix times as Redis' clock shows them. `steady` and `wall` are the clocks of this host.

    Each look at a book (`shared.book`) reads it, once a second: within that it is right again when its clock
    was set, or another Redis took over.
    """

    def __init__(
        self,
        redis: Redis,
        steady: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._steady = steady
        self._wall = wall
        self._offset = ClockOffset()
        self._read_at: float | None = None

    async def read(self, *beside: Command) -> list[Any]:
        """Read the clock, in one round trip with commands `beside`, whose results it returns.

        May raise `RedisError`.
        """
        batch = Batch(self._redis)
        for command in (("TIME",), *beside):
            batch.add(*command)
        asked = self._steady()
        (seconds, microseconds), *results = await batch.execute()
        self._read_at = self._steady()
        self._offset.read(asked, self._read_at, seconds + microseconds / 1e6)
        return results

    async def freshen(self) -> None:
        """Read the clock, unless that was done a moment ago. May raise `RedisError`."""
        if self._read_at is None or self._steady() - self._read_at > MAX_AGE_SECONDS:
            await self.read()

    def earliest(self) -> float:
        """The earliest time that it can be by Redis' clock; minus infinity before the first reading."""
        now = self._steady()
        return now + self._offset.bounds(now)[0]

    def latest(self) -> float:
        """The latest time that it can be by Redis' clock; infinity before the first reading."""
        now = self._steady()
        return now + self._offset.bounds(now)[1]

    def now(self) -> float:
        """The most likely time; that of this host before the first reading."""
        earliest = self.earliest()
        return self._wall() if isinf(earliest) else (earliest + self.latest()) / 2

    def skew(self) -> float:
        """Seconds by which this host's clock is ahead of Redis'; NaN before the first reading."""
        return nan if self._read_at is None else self._wall() - self.now()
