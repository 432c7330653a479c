"""Takes the offers of publishers and viewers to a worker that answers them.

Every call ends within 1.5 s: with an answer, the worker's `ServiceError`, or `NO_WORKER`.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic

from control.workers.calls import RPC_SECONDS, Calls
from control.workers.cluster import LIMIT_SECONDS, Cluster
from control.workers.placement import Placement, viewers_there
from control.workers.redis_watch import RedisWatch
from shared.bus.rpc_client import SilentWorkerError
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Answer, Play, Publish
from shared.names import RequestId, RoomName, WorkerId

# The first worker's share of a publisher's time, where there is another one to ask.
FIRST_TRY_SECONDS = 0.7


@contextmanager
def _unless_full() -> Iterator[None]:
    """Continue after this block when a worker answers that it is full."""
    try:
        yield
    except ServiceError as error:
        if error.code is not ErrorCode.WORKER_FULL:
            raise


class Offers:
    def __init__(self, cluster: Cluster, calls: Calls, placement: Placement, watch: RedisWatch) -> None:
        self._cluster = cluster
        self._calls = calls
        self._placement = placement
        self._watch = watch

    async def publish(self, message: Publish, request_id: RequestId) -> Answer:
        """Ask the room's owner, who decides whether the room may be taken over; without one, the best worker.

        An owner that drains gives up a room whose publisher has left: then another worker gets it.
        """
        async with self._watch.bounded(LIMIT_SECONDS):
            owner = await self._cluster.room_owner(RoomName(message.room))
            if owner is None:
                self._watch.check_settled()
            else:
                with _unless_full():
                    return await self._calls.call(owner, message, Answer, request_id)
            return await self._publish_anywhere(message, request_id)

    async def _publish_anywhere(self, message: Publish, request_id: RequestId) -> Answer:
        """Try the workers, best first, as long as the request may take; a full one refuses at once."""
        deadline = monotonic() + RPC_SECONDS
        workers = self._placement.publisher_workers(await self._cluster.workers(), monotonic(), _draw())
        silent = False
        for number, worker in enumerate(workers, 1):
            left = max(0.0, deadline - monotonic())
            timeout = left if number == len(workers) or silent else min(left, FIRST_TRY_SECONDS)
            self._placement.placed(worker, monotonic())  # before it answers: others come meanwhile
            try:
                return await self._calls.call(worker, message, Answer, request_id, timeout)
            except SilentWorkerError:
                if silent:
                    raise
                silent = True
            except ServiceError as error:
                if silent and error.code is ErrorCode.PUBLISHER_EXISTS:  # perhaps its own claim
                    raise SilentWorkerError from None
                if error.code is not ErrorCode.WORKER_FULL:
                    raise
        if silent:
            raise SilentWorkerError
        raise ServiceError(ErrorCode.WORKER_FULL, detail="every worker is at its limit")

    async def play(self, message: Play, request_id: RequestId) -> Answer:
        """Ask the room's owner, or, when that is full, the one that `Placement.viewer_worker` names next."""
        async with self._watch.bounded(LIMIT_SECONDS):
            room = RoomName(message.room)
            owner = await self._cluster.room_owner(room)
            if owner is None:
                self._watch.check_settled()
                raise ServiceError(ErrorCode.NO_PUBLISHER)
            workers, fresh = await self._cluster.recent_workers(), False
            refused: set[WorkerId] = set()
            while True:
                worker = self._placement.viewer_worker(room, owner, workers, refused, _draw())
                elsewhere = sum(viewers_there(room, other) or 0 for other in workers if other.id != worker)
                if not fresh and (worker != owner or elsewhere):
                    # the room is, or will be, on several workers: its limit requires exact counts
                    workers, fresh = await self._cluster.workers(), True
                    continue
                origin = None if worker == owner else owner
                ask = replace(message, origin=origin, viewers_elsewhere=elsewhere)
                with _unless_full():
                    return await self._calls.call(worker, ask, Answer, request_id)
                refused.add(worker)
                workers, fresh = await self._cluster.workers(), True


def _draw() -> float:
    """A number in [0, 1) that decides between equals; no secret."""
    return random.random()  # noqa: S311
