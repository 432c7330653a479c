"""All living workers."""

import asyncio
from collections.abc import Sequence
from typing import cast

from redis.asyncio import Redis

from shared.bus import keys
from shared.messages.encoding import DecodeError, read
from shared.messages.status import WorkerStatus
from shared.names import WorkerId, worker_in_key

STATUSES_AT_ONCE = 50  # a millisecond; others have their turns in between
_PAUSE_SECONDS = 0.001


async def living_workers(redis: Redis) -> list[WorkerStatus]:
    """Every living worker, sorted by id. It costs as much as there are workers. May raise `RedisError`."""
    names = cast(list[bytes], await redis.zrange(keys.WORKERS, 0, -1))
    ids = [*map(worker_in_key, names)]
    found: dict[WorkerId, WorkerStatus] = {}
    for first in range(0, len(ids), STATUSES_AT_ONCE):
        if first:
            await asyncio.sleep(_PAUSE_SECONDS)
        found |= await statuses_of(redis, ids[first : first + STATUSES_AT_ONCE])
    return sorted(found.values(), key=lambda status: status.id)


async def statuses_of(redis: Redis, workers: Sequence[WorkerId]) -> dict[WorkerId, WorkerStatus]:
    """The statuses of those of `workers` that live."""
    if not workers:
        return {}
    blobs = cast(list[bytes | None], await redis.mget([*map(keys.worker_status, workers)]))
    found = zip(workers, map(read_status, blobs), strict=True)
    return {worker: status for worker, status in found if status is not None}


def read_status(data: bytes | None) -> WorkerStatus | None:
    """A worker's status. None: its heartbeat has expired, or this version cannot read it."""
    if data is None:
        return None
    try:
        return read(WorkerStatus, data)
    except DecodeError:
        return None
