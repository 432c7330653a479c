"""The signed links of the list of recordings: with one, a `<video>` plays a recording without credentials.

All control replicas share the key, which lies in Redis: each takes the links that another one signed.
"""

import secrets
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.bus import keys
from shared.errors import redis_away
from shared.records.signed_links import SignedLinks

LINK_SECONDS = 15 * 60


async def record_links(redis: Redis) -> SignedLinks:
    """The links of this cluster. Raises `NO_WORKER` when Redis is away."""
    try:
        await redis.set(keys.RECORDS_KEY, secrets.token_bytes(32), nx=True)
        key = cast(bytes, await redis.get(keys.RECORDS_KEY))
    except RedisError:
        raise redis_away() from None
    return SignedLinks(key, LINK_SECONDS)
