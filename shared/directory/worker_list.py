"""All living workers: in one round trip, as long as they are those of the last time."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.bus import keys
from shared.bus.batch import Batch
from shared.bus.line import Command
from shared.messages.encoding import DecodeError, read
from shared.messages.status import WorkerStatus
from shared.names import WorkerId, worker_in_key

STATUSES_AT_ONCE = 50  # a millisecond; others have their turns in between
_PAUSE_SECONDS = 0.001


class WorkerList:
    """Every call may raise `RedisError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._known: list[WorkerId] | None = []  # of the last time; None: many, or it took too long

    async def read(self, beside: Sequence[Command] = ()) -> tuple[list[WorkerStatus], list[Any] | None]:
        """Every living worker, sorted by id. It costs as much as there are workers.

        And the results of the commands `beside`, which Redis does after it has read all statuses. None: there
        are many workers, or new ones, so that more statuses were read than those; or the last trip took too
        long.
        """
        is_one_trip, asked = self._known is not None, self._known or ()
        batch = Batch(self._redis)
        batch.add("ZRANGE", keys.WORKERS, 0, -1)
        if asked:
            batch.add("MGET", *map(keys.worker_status, asked))
        for command in beside if is_one_trip else ():
            batch.add(*command)
        try:
            results = await batch.execute()
        except RedisTimeoutError:  # what others asked in that trip failed with it: next time these go alone
            self._known = None
            raise
        ids = [*map(worker_in_key, results[0])]
        self._known = ids if len(ids) <= STATUSES_AT_ONCE else None
        found = _living(asked, results[1]) if asked else {}
        new = [*set(ids).difference(asked)]
        for first in range(0, len(new), STATUSES_AT_ONCE):
            if first:
                await asyncio.sleep(_PAUSE_SECONDS)
            found |= await self.statuses(new[first : first + STATUSES_AT_ONCE])
        living = [found[worker] for worker in ids if worker in found]
        living.sort(key=lambda status: status.id)
        return living, None if new or not is_one_trip else results[len(results) - len(beside) :]

    async def statuses(self, workers: Collection[WorkerId]) -> dict[WorkerId, WorkerStatus]:
        """The statuses of those of `workers` that live."""
        if not workers:
            return {}
        batch = Batch(self._redis)
        batch.add("MGET", *map(keys.worker_status, workers))
        [blobs] = await batch.execute()
        return _living(workers, blobs)


def _living(workers: Collection[WorkerId], blobs: Sequence[bytes | None]) -> dict[WorkerId, WorkerStatus]:
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
