"""The one door to the workers: finds the right one in the directory and asks it over RPC.

Every call ends within 1.5 s: with an answer, the worker's `ServiceError`, or `NO_WORKER`.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from redis.exceptions import RedisError

from control.cluster_rooms import ClusterRoom, cluster_rooms
from control.placement import least_loaded
from shared.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.logging import get_logger
from shared.messages import (
    Answer,
    Closed,
    CloseRoom,
    Delete,
    Patch,
    Patched,
    Play,
    Publish,
    WorkerState,
    WorkerStatus,
)
from shared.names import RequestId, RoomName, WorkerId, worker_of_session
from shared.rpc import RpcClient

LIMIT_SECONDS = 1.5
RPC_SECONDS = 1.2

log = get_logger()


@asynccontextmanager
async def _bounded() -> AsyncIterator[None]:
    """Redis that is away, or hangs, is `NO_WORKER`."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            yield
    except (RedisError, TimeoutError) as error:
        log.warning("Redis is away", reason=type(error).__name__)
        raise ServiceError(ErrorCode.NO_WORKER, detail="Redis is away") from None


class Gateway:
    def __init__(self, directory: Directory, rpc: RpcClient) -> None:
        self._directory = directory
        self._rpc = rpc
        self.directory_read_at = monotonic()  # the last time that it could be; at first, that of the start

    async def publish(self, message: Publish, request_id: RequestId) -> Answer:
        """Ask the room's owner, who decides whether it may be taken over, or the least-loaded worker."""
        async with _bounded():
            worker = await self._directory.room_owner(RoomName(message.room))
            if worker is None:
                # not a secret draw
                worker = least_loaded(await self._directory.workers(), random.random())  # noqa: S311
            return await self._rpc.call(worker, message, Answer, timeout=RPC_SECONDS, request_id=request_id)

    async def play(self, message: Play, request_id: RequestId) -> Answer:
        async with _bounded():
            worker = await self._directory.room_owner(RoomName(message.room))
            if worker is None:
                raise ServiceError(ErrorCode.NO_PUBLISHER)
            return await self._rpc.call(worker, message, Answer, timeout=RPC_SECONDS, request_id=request_id)

    async def patch(self, message: Patch, request_id: RequestId) -> Patched:
        async with _bounded():
            worker = await self._session_worker(message.session)
            return await self._rpc.call(worker, message, Patched, timeout=RPC_SECONDS, request_id=request_id)

    async def delete(self, message: Delete, request_id: RequestId) -> Closed:
        async with _bounded():
            worker = await self._session_worker(message.session)
            return await self._rpc.call(worker, message, Closed, timeout=RPC_SECONDS, request_id=request_id)

    async def close_room(self, room: RoomName, request_id: RequestId) -> int:
        """Close `room` on every worker; the sessions that ended. Raises `ROOM_NOT_FOUND`.

        All are asked, not only those that announced the room: one may have taken it on a moment ago. A worker
        that does not answer matters only when the room is known to be there.
        """
        async with _bounded():
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
            raise ServiceError(ErrorCode.ROOM_NOT_FOUND)
        return total

    async def _close_room_on(self, worker: WorkerId, room: RoomName, request_id: RequestId) -> int | None:
        """The sessions that ended there; None when the worker does not answer."""
        try:
            closed = await self._rpc.call(
                worker, CloseRoom(room=room), Closed, timeout=RPC_SECONDS, request_id=request_id
            )
        except ServiceError as error:
            if error.code is ErrorCode.NO_WORKER:
                return None
            raise
        return closed.sessions

    async def rooms(self) -> list[ClusterRoom]:
        return cluster_rooms(await self.workers())

    async def workers(self) -> list[WorkerStatus]:
        async with _bounded():
            workers = await self._directory.workers()
        self.directory_read_at = monotonic()
        return workers

    async def check_ready(self) -> None:
        """Raises `NO_WORKER`, with the reason, unless Redis answers and a worker is ready."""
        if not any(worker.state is WorkerState.READY for worker in await self.workers()):
            raise ServiceError(ErrorCode.NO_WORKER, detail="no worker is ready")

    async def _session_worker(self, session: str) -> WorkerId:
        """The worker that a session's id names; a session does not outlive its worker."""
        worker = worker_of_session(session)
        if worker is None or worker not in {living.id for living in await self._directory.workers()}:
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        return worker
