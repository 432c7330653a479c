"""The signed links of the list of recordings: with one, a `<video>` plays a recording without credentials.

All control replicas share the key, which lies in Redis: each takes the links that another one signed.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import cast

from redis.asyncio import Redis

from control.workers.cluster import LIMIT_SECONDS
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.bus.redis_clock import RedisClock
from shared.errors import redis_away
from shared.records.record_name import RecordName
from shared.records.signed_links import SignedLinks

LINK_SECONDS = 15 * 60


class RecordLinks:
    """Signs and verifies by the cluster's key and clock. Every call raises `NO_WORKER` when Redis is away."""

    def __init__(self, redis: Redis, clock: RedisClock, watch: RedisWatch) -> None:
        self._redis = redis
        self._watch = watch
        self._clock = clock

    async def signer(self) -> Callable[[str], str]:
        """Gives the query of a link, to append to a URL, by the name of the recording."""
        links, now = await self._links(), self._clock.now()
        return lambda name: links.query(name, now)

    async def admit(self, name: RecordName, query: Mapping[str, str]) -> bool:
        """Whether `query`, as a client sent it, opens the recording at this moment."""
        return (await self._links()).admits(name.text, query, self._clock.now())

    async def _links(self) -> SignedLinks:
        async with self._watch.bounded(LIMIT_SECONDS):
            await self._redis.set(keys.RECORDS_KEY, secrets.token_bytes(32), nx=True)
            key = cast(bytes | None, await self._redis.get(keys.RECORDS_KEY))
        if key is None:  # Redis was emptied in between
            raise redis_away()
        return SignedLinks(key, LINK_SECONDS)
