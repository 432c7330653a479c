"""How much memory Redis has in use: a full one refuses all writes, and then nobody can join."""

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError


async def redis_memory(redis: Redis) -> tuple[int, int] | None:
    """Bytes in use, and `maxmemory`, or without that the host's; None: not known now."""
    try:
        info: dict[str, Any] = await redis.info("memory")
    except (RedisError, OSError):  # it is away, or our user may not ask
        return None
    used, limit = info.get("used_memory"), info.get("maxmemory") or info.get("total_system_memory")
    if not (isinstance(used, int) and isinstance(limit, int)):  # a service that is like Redis
        return None
    return used, limit
