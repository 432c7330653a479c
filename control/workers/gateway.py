"""The one door to the workers: finds the right one in the directory and asks it over RPC.

Every call ends within 1.5 s: with an answer, the worker's `ServiceError`, or `NO_WORKER`.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from time import monotonic
from typing import Any, TypeVar

from redis.exceptions import RedisError

from control.workers.cluster_rooms import ClusterRoom, cluster_rooms
from control.workers.placement import Placement, viewers_there
from control.workers.redis_watch import RedisWatch
from shared.bus.directory import Directory
from shared.bus.rpc import RpcClient, SilentWorkerError
from shared.errors import ErrorCode, ServiceError, redis_away
from shared.logging import get_logger
from shared.messages.sessions import FindSessions, Living
from shared.messages.signalling import Answer, Closed, CloseRoom, Delete, Patch, Patched, Play, Publish
from shared.messages.status import Drained, SetDrain, WorkerState, WorkerStatus
from shared.names import RequestId, RoomName, SessionId, WorkerId, worker_of_session

LIMIT_SECONDS = 1.5
RPC_SECONDS = 1.2
# The first worker's share of a publisher's time, where there is another to ask.
FIRST_TRY_SECONDS = 0.7
# Viewers are placed by statuses up to this old: a crowd of them need not read the directory each.
STATUS_AGE_SECONDS = 0.5

R = TypeVar("R")

log = get_logger()


@contextmanager
def _unless_full() -> Iterator[None]:
    """Go on behind this block when a worker says that it is full."""
    try:
        yield
    except ServiceError as error:
        if error.code is not ErrorCode.WORKER_FULL:
            raise


class Gateway:
    def __init__(self, directory: Directory, rpc: RpcClient, watch: RedisWatch) -> None:
        self._directory = directory
        self._rpc = rpc
        self._watch = watch
        self.directory_read_at = monotonic()  # the last time that it could be; at first, that of the start
        self._placement = Placement()
        self._statuses: tuple[float, list[WorkerStatus]] = (0.0, [])

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        """Redis that is away, or hangs, is `NO_WORKER`: at once when that is known."""
        self._watch.check()
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                yield
        except (RedisError, TimeoutError) as error:
            if isinstance(error, RedisError):
                self._watch.failed(error)
            raise redis_away() from None

    async def publish(self, message: Publish, request_id: RequestId) -> Answer:
        """Ask the room's owner, who decides whether it may be taken over, or else the best worker there is.

        An owner that drains gives up a room whose publisher has gone: then another worker gets it.
        """
        async with self._bounded():
            owner = await self._directory.room_owner(RoomName(message.room))
            if owner is None:
                self._watch.check_settled()
            else:
                with _unless_full():
                    return await self._call(owner, message, Answer, request_id)
            return await self._publish_anywhere(message, request_id)

    async def _publish_anywhere(self, message: Publish, request_id: RequestId) -> Answer:
        """Try workers, best first, for as long as the request may take; one that is full refuses at once."""
        deadline = monotonic() + RPC_SECONDS
        # not a secret draw
        workers = self._placement.publisher_workers(
            await self._directory.workers(),
            monotonic(),
            random.random(),  # noqa: S311
        )
        silent = False
        for number, worker in enumerate(workers, 1):
            left = max(0.0, deadline - monotonic())
            timeout = left if number == len(workers) or silent else min(left, FIRST_TRY_SECONDS)
            self._placement.placed(worker, monotonic())  # before it answers: others are on their way
            try:
                return await self._call(worker, message, Answer, request_id, timeout)
            except SilentWorkerError:
                if silent:
                    raise
                silent = True
            except ServiceError as error:
                if silent and error.code is ErrorCode.PUBLISHER_EXISTS:  # it may be this very one's claim
                    raise SilentWorkerError from None
                if error.code is not ErrorCode.WORKER_FULL:
                    raise
        if silent:
            raise SilentWorkerError
        raise ServiceError(ErrorCode.WORKER_FULL, detail="every worker is at its limit")

    async def play(self, message: Play, request_id: RequestId) -> Answer:
        """Ask the room's worker; when that is full, whichever `Placement.viewer_worker` names next."""
        async with self._bounded():
            room = RoomName(message.room)
            owner = await self._directory.room_owner(room)
            if owner is None:
                self._watch.check_settled()
                raise ServiceError(ErrorCode.NO_PUBLISHER)
            refused: set[WorkerId] = set()
            fresh = False
            while True:
                workers = await self._recent_statuses(fresh=fresh)
                # not a secret draw
                worker = self._placement.viewer_worker(room, owner, workers, refused, random.random())  # noqa: S311
                elsewhere = sum(viewers_there(room, other) or 0 for other in workers if other.id != worker)
                if not fresh and (worker != owner or elsewhere):
                    fresh = True  # the room is, or will be, on several workers: its limit wants exact counts
                    continue
                origin = None if worker == owner else owner
                ask = replace(message, origin=origin, viewers_elsewhere=elsewhere)
                with _unless_full():
                    return await self._call(worker, ask, Answer, request_id)
                refused.add(worker)
                fresh = True

    def may_play(self, room: RoomName, workers: list[WorkerStatus]) -> bool:
        """Whether a viewer of `room` would find a worker now."""
        for worker in workers:
            if any(held.name == room and not held.origin and held.has_publisher for held in worker.rooms):
                try:
                    self._placement.viewer_worker(room, WorkerId(worker.id), workers, (), 0.0)
                except ServiceError:
                    return False
                return True
        return False

    async def living(
        self, worker: WorkerId, sessions: Sequence[SessionId], request_id: RequestId
    ) -> Sequence[str]:
        """Those of `sessions`, all of one worker, that live. Raises `SESSION_NOT_FOUND` when it does not."""
        async with self._bounded():
            await self._check_lives(worker)
            message = FindSessions(sessions=tuple(sessions))
            return (await self._call(worker, message, Living, request_id)).sessions

    async def patch(self, message: Patch, request_id: RequestId) -> Patched:
        async with self._bounded():
            worker = await self._session_worker(message.session)
            return await self._call(worker, message, Patched, request_id)

    async def delete(self, message: Delete, request_id: RequestId) -> Closed:
        async with self._bounded():
            worker = await self._session_worker(message.session)
            return await self._call(worker, message, Closed, request_id)

    async def close_room(self, room: RoomName, request_id: RequestId) -> int:
        """Close `room` on every worker; the sessions that ended. Raises `ROOM_NOT_FOUND`.

        All are asked, not only those that announced the room: one may have taken it on a moment ago. A worker
        that does not answer matters only when the room is known to be there.
        """
        async with self._bounded():
            owner = await self._directory.room_owner(room)
            workers = await self._directory.workers()
            closed = await asyncio.gather(
                *(self._close_room_on(WorkerId(worker.id), room, request_id) for worker in workers)
            )
        for worker, sessions in zip(workers, closed, strict=True):
            if sessions is None and (worker.id == owner or room in {r.name for r in worker.rooms}):
                raise ServiceError(ErrorCode.NO_WORKER, detail=f"worker {worker.id} did not answer")
        total = sum(sessions or 0 for sessions in closed)
        if owner is None and total == 0:
            self._watch.check_settled()
            raise ServiceError(ErrorCode.ROOM_NOT_FOUND)
        return total

    async def set_drain(self, worker: WorkerId, *, on: bool, request_id: RequestId) -> Drained:
        """Let a worker empty itself, or take that back. Raises `WORKER_NOT_FOUND`."""
        async with self._bounded():
            if worker not in {living.id for living in await self._directory.workers()}:
                raise ServiceError(ErrorCode.WORKER_NOT_FOUND)
            return await self._call(worker, SetDrain(on=on), Drained, request_id)

    async def _close_room_on(self, worker: WorkerId, room: RoomName, request_id: RequestId) -> int | None:
        """The sessions that ended there; None when the worker does not answer."""
        try:
            closed = await self._call(worker, CloseRoom(room=room), Closed, request_id)
        except ServiceError as error:
            if error.code is ErrorCode.NO_WORKER:
                return None
            raise
        return closed.sessions

    async def rooms(self) -> list[ClusterRoom]:
        return cluster_rooms(await self.workers())

    async def workers(self) -> list[WorkerStatus]:
        async with self._bounded():
            workers = await self._directory.workers()
        self.directory_read_at = monotonic()
        return workers

    async def recent_workers(self) -> list[WorkerStatus]:
        """As `workers`, and up to `STATUS_AGE_SECONDS` old."""
        async with self._bounded():
            return await self._recent_statuses(fresh=False)

    async def check_ready(self) -> None:
        """Raises `NO_WORKER`, with the reason, unless Redis answers and a worker is ready."""
        if not any(worker.state is WorkerState.READY for worker in await self.workers()):
            raise ServiceError(ErrorCode.NO_WORKER, detail="no worker is ready")

    async def _session_worker(self, session: str) -> WorkerId:
        """The worker that a session's id names; a session does not outlive its worker."""
        worker = worker_of_session(session)
        if worker is None:
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        await self._check_lives(worker)
        return worker

    async def _check_lives(self, worker: WorkerId) -> None:
        if worker not in {living.id for living in await self._directory.workers()}:
            self._watch.check_settled()
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)

    async def _recent_statuses(self, *, fresh: bool) -> list[WorkerStatus]:
        read_at, statuses = self._statuses
        if fresh or monotonic() - read_at > STATUS_AGE_SECONDS:
            statuses = await self._directory.workers()
            self._statuses = monotonic(), statuses
        return statuses

    async def _call(
        self,
        worker: WorkerId,
        message: Any,
        reply: type[R],
        request_id: RequestId,
        timeout: float = RPC_SECONDS,
    ) -> R:
        try:
            result = await self._rpc.call(worker, message, reply, timeout=timeout, request_id=request_id)
        except SilentWorkerError:
            self._placement.unanswered(worker, monotonic())
            raise
        self._placement.answered(worker)
        return result
