"""Takes the offers of publishers and viewers to a worker that answers them.

Every call ends within 1.5 s: with an answer, the worker's `ServiceError`, or `NO_WORKER`.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from time import monotonic

from control.workers.calls import RPC_SECONDS, Calls
from control.workers.cluster import LIMIT_SECONDS, Cluster
from control.workers.placement import nobody, takes_viewers, viewer_worker
from control.workers.redis_watch import RedisWatch
from shared.directory.directory import RoomHolders
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Answer, Play, Publish
from shared.names import RequestId, RoomName, WorkerId
from shared.rpc.client import NotAsGivenError, SilentWorkerError, alone_with
from shared.telemetry.tracing import span

# The first worker's share of a publisher's time, where there is another one to ask.
FIRST_TRY_SECONDS = 0.7
# The best of two is nearly as good as the best of all; of four, one may be dead and one full.
DRAWN = 4
MOST_DRAWS = 4
MAX_REMEMBERED = 10_000  # rooms


@contextmanager
def _unless_full() -> Iterator[None]:
    """Continue after this block when a worker answers that it is full."""
    try:
        yield
    except ServiceError as error:
        if error.code is not ErrorCode.WORKER_FULL:
            raise


class Offers:
    def __init__(self, cluster: Cluster, calls: Calls, watch: RedisWatch) -> None:
        self._cluster = cluster
        self._calls = calls
        self._watch = watch
        self._alone: dict[RoomName, WorkerId] = {}  # who has a room, where there are no copies

    async def publish(self, message: Publish, request_id: RequestId) -> Answer:
        """Ask the room's owner, who decides whether the room may be taken over; without one, the best worker.

        An owner that drains gives up a room whose publisher has left: then another worker gets it.
        """
        async with self._watch.bounded(LIMIT_SECONDS):
            with span("find the room's worker", room=message.room):
                owner = await self._cluster.room_owner(RoomName(message.room))
            if owner is None:
                self._watch.check_claims()
            else:
                with _unless_full():
                    return await self._calls.call(owner, message, Answer, request_id)
            return await self._publish_anywhere(message, request_id)

    async def _publish_anywhere(self, message: Publish, request_id: RequestId) -> Answer:
        """Try the workers that are drawn, best first, as long as the request may take.

        A full one refuses at once.
        """
        deadline = monotonic() + RPC_SECONDS
        asked: set[WorkerId] = set()
        silent = False
        for _ in range(MOST_DRAWS):
            with span("draw workers"):
                workers, are_all = await self._publisher_workers(asked)
            for number, worker in enumerate(workers, 1):
                asked.add(worker)
                left = max(0.0, deadline - monotonic())
                no_other = silent or (are_all and number == len(workers))
                timeout = left if no_other else min(left, FIRST_TRY_SECONDS)
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
            if are_all:
                break
        if silent:
            raise SilentWorkerError
        raise ServiceError(ErrorCode.WORKER_FULL, detail="every worker is at its limit")

    async def _publisher_workers(self, asked: set[WorkerId]) -> tuple[list[WorkerId], bool]:
        """Some workers for a publisher, best first, and whether there are no others.

        Raises `NO_WORKER` or `WORKER_FULL` when there have been none from the beginning.
        """
        number = DRAWN + len(asked)
        drawn = await self._cluster.draw_workers(number, asked | self._calls.suspects())
        if not drawn and not asked:
            raise nobody(await self._cluster.recent_workers())
        return [worker for worker in drawn if worker not in asked], len(drawn) < number

    async def play(self, message: Play, request_id: RequestId) -> Answer:
        """Ask the room's owner; when that is full, a worker that has a copy of the room, then any other."""
        try:
            return await self._play(message, request_id)
        except ServiceError as error:
            if error.code is ErrorCode.NO_PUBLISHER:  # Redis may have lost its claim, or have an old one
                await self._watch.check_settled()
            raise

    async def _play(self, message: Play, request_id: RequestId) -> Answer:
        async with self._watch.bounded(LIMIT_SECONDS):
            room, refused = RoomName(message.room), set[WorkerId]()
            if (answer := await self._play_as_before(room, message, request_id)) is not None:
                return answer
            while True:
                with span("find the room's worker", room=message.room):
                    holders = await self._cluster.room_holders(room)
                    owner = holders.owner
                    if owner is None:
                        raise ServiceError(ErrorCode.NO_PUBLISHER)
                    worker, elsewhere = await self._viewer_worker(room, owner, holders, refused)
                origin = None if worker == owner else owner
                ask = replace(message, origin=origin, viewers_elsewhere=elsewhere)
                with _unless_full():
                    answer = await self._calls.call(worker, ask, Answer, request_id)
                    self._remember(room, owner if worker == owner and not holders.copies else None)
                    return answer
                refused.add(worker)

    async def _play_as_before(self, room: RoomName, message: Play, request_id: RequestId) -> Answer | None:
        """Ask the worker that had the room alone when this process last knew, without another look.

        Redis passes the request on only if that is still so. None: it is not, or the worker is full.
        """
        owner = self._alone.get(room)
        if owner is None:
            return None
        with suppress(NotAsGivenError), _unless_full():
            return await self._calls.call(owner, message, Answer, request_id, given=alone_with(room))
        self._remember(room, None)
        return None

    def _remember(self, room: RoomName, alone: WorkerId | None) -> None:
        """`alone` is the worker that has the room, if no other one has a copy."""
        self._alone.pop(room, None)
        if alone is not None:
            if len(self._alone) >= MAX_REMEMBERED:
                del self._alone[next(iter(self._alone))]  # the oldest
            self._alone[room] = alone

    async def _viewer_worker(
        self, room: RoomName, owner: WorkerId, holders: RoomHolders, refused: set[WorkerId]
    ) -> tuple[WorkerId, int]:
        """The worker for a viewer, and how many viewers of the room are on the others.

        Only what is read anew tells that exactly, as the room's limit requires.
        """
        if not holders.copies and owner not in refused:
            status = await self._cluster.recent_status(owner)
            if status is None or takes_viewers(status):
                return owner, 0
        found = await self._cluster.in_room(room, holders)
        statuses = {worker: status for worker, (status, part) in found.items() if part or worker == owner}
        draw = random.random()  # noqa: S311
        worker = viewer_worker(owner, statuses, refused, self._calls.suspects(), draw)
        if worker is None:
            worker = await self._another(refused | {owner})
        elsewhere = sum(part.subscribers for other, (_, part) in found.items() if part and other != worker)
        return worker, elsewhere

    async def _another(self, unfit: set[WorkerId]) -> WorkerId:
        """A worker for a copy of a room. Raises `WORKER_FULL` or `NO_WORKER` when none takes viewers."""
        avoid = unfit | self._calls.suspects()
        drawn = await self._cluster.draw_workers(DRAWN + len(unfit), avoid, for_viewer=True)
        if fit := [worker for worker in drawn if worker not in unfit]:
            return fit[0]
        raise ServiceError(ErrorCode.WORKER_FULL, detail="every worker is at its limit")
