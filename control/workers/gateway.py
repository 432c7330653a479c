"""Requests to the workers about the sessions and rooms that exist.

Every call ends within 1.5 s: with a reply, the worker's `ServiceError`, or `NO_WORKER`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from control.workers.calls import Calls
from control.workers.cluster import LIMIT_SECONDS, Cluster
from control.workers.redis_watch import RedisWatch
from shared.errors import ErrorCode, ServiceError
from shared.messages.rulings import EndedSession, EndSession
from shared.messages.sessions import FindSessions, LineRead, Living, ReadLine
from shared.messages.signalling import (
    AnswerOffer,
    ChooseLayer,
    Closed,
    CloseRoom,
    Delete,
    LayerChosen,
    Patch,
    Patched,
    Switched,
    SwitchRoom,
)
from shared.messages.status import Drained, SetDrain
from shared.names import RequestId, RoomName, SessionId, WorkerId, parse_cut_session, worker_of_session
from shared.rpc.client import LeftWorkerError, NotAsGivenError, alive

R = TypeVar("R")


def _worker_of(session: str) -> WorkerId:
    worker = worker_of_session(session)
    if worker is None:
        raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
    return worker


def _named(session: str) -> tuple[WorkerId, str]:
    named = parse_cut_session(session)
    if named is None:
        raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
    return named


class Gateway:
    def __init__(self, cluster: Cluster, calls: Calls, watch: RedisWatch) -> None:
        self._cluster = cluster
        self._calls = calls
        self._watch = watch

    async def patch(self, message: Patch, request_id: RequestId) -> Patched:
        return await self._ask(_worker_of(message.session), message, Patched, request_id)

    async def answer_offer(self, message: AnswerOffer, request_id: RequestId) -> None:
        await self._ask(_worker_of(message.session), message, Patched, request_id)

    async def delete(self, message: Delete, request_id: RequestId) -> Closed:
        return await self._ask(_worker_of(message.session), message, Closed, request_id)

    async def choose_layer(self, message: ChooseLayer, request_id: RequestId) -> None:
        await self._ask(_worker_of(message.session), message, LayerChosen, request_id)

    async def living(
        self, worker: WorkerId, sessions: Sequence[SessionId], request_id: RequestId, room: str = ""
    ) -> Living:
        """The living ones of `sessions`, all of one worker, that are in `room`, or in any when that is empty.

        Raises `SESSION_NOT_FOUND` if the worker is not alive.
        """
        message = FindSessions(sessions=tuple(sessions), room=room)
        return await self._ask(worker, message, Living, request_id)

    async def check_offered(self, session: SessionId, request_id: RequestId) -> None:
        """Raises `SESSION_NOT_FOUND` unless it is alive, and 415 unless its offer was ours."""
        if session not in (await self.living_one(session, request_id)).offered:
            raise ServiceError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)

    async def living_one(self, session: SessionId, request_id: RequestId, room: str = "") -> Living:
        """As `living`, of one session. Raises `SESSION_NOT_FOUND` if it is not alive, or not in the room."""
        living = await self.living(_worker_of(session), [session], request_id, room)
        if session not in living.sessions:
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        return living

    async def end_session(self, session: str, room: RoomName, request_id: RequestId) -> EndedSession:
        """End one session, whose id may be cut, and which is in `room` unless that is empty.

        Raises `SESSION_NOT_FOUND` or `AMBIGUOUS_SESSION`.
        """
        worker, beginning = _named(session)
        message = EndSession(session=beginning, room=room)
        return await self._ask(worker, message, EndedSession, request_id)

    async def read_line(self, session: str, room: RoomName, request_id: RequestId) -> str:
        """The log of one session's line, as JSON. For its id, and what it raises, see `end_session`."""
        worker, beginning = _named(session)
        message = ReadLine(session=beginning, room=room)
        return (await self._ask(worker, message, LineRead, request_id)).log

    async def close_room(self, room: RoomName, request_id: RequestId) -> int:
        """Close `room` on every worker that holds it; returns how many sessions ended.

        Raises `ROOM_NOT_FOUND`. A worker takes a room only after it has claimed it. A copy that nobody has
        announced yet ends with its origin.
        """
        async with self._watch.bounded(LIMIT_SECONDS):
            holders = await self._cluster.room_holders(room)
            found = await self._cluster.in_room(room, holders)
            workers = [worker for worker, (status, _) in found.items() if status or worker == holders.owner]
            closed = await asyncio.gather(
                *(self._close_room_on(worker, room, request_id) for worker in workers)
            )
        for worker, sessions in zip(workers, closed, strict=True):
            if sessions is None and (worker == holders.owner or found[worker][1] is not None):
                raise ServiceError(ErrorCode.NO_WORKER, detail=f"worker {worker} did not answer")
        total = sum(sessions or 0 for sessions in closed)
        if holders.owner is None and total == 0:
            await self._watch.check_settled()
            raise ServiceError(ErrorCode.ROOM_NOT_FOUND)
        return total

    async def switch_room(self, room: RoomName, request_id: RequestId) -> Switched:
        """Have viewers get the next one that publishes. Raises `ROOM_NOT_FOUND` or `NO_STANDBY`."""
        async with self._watch.bounded(LIMIT_SECONDS):
            owner = await self._cluster.room_owner(room)
            if owner is None:
                await self._watch.check_settled()
                raise ServiceError(ErrorCode.ROOM_NOT_FOUND)
            try:
                return await self._calls.call(owner, SwitchRoom(room=room), Switched, request_id)
            except LeftWorkerError:
                raise ServiceError(ErrorCode.ROOM_NOT_FOUND) from None

    async def set_drain(self, worker: WorkerId, *, on: bool, request_id: RequestId) -> Drained:
        """Make a worker drain, or cancel that. Raises `WORKER_NOT_FOUND`."""
        async with self._watch.bounded(LIMIT_SECONDS):
            try:
                return await self._calls.call(
                    worker, SetDrain(on=on), Drained, request_id, given=alive(worker)
                )
            except (LeftWorkerError, NotAsGivenError):
                raise ServiceError(ErrorCode.WORKER_NOT_FOUND) from None

    async def _close_room_on(self, worker: WorkerId, room: RoomName, request_id: RequestId) -> int | None:
        """How many sessions ended there; None when the worker does not answer."""
        try:
            closed = await self._calls.call(worker, CloseRoom(room=room), Closed, request_id)
        except LeftWorkerError:
            return 0
        except ServiceError as error:
            if error.code is ErrorCode.NO_WORKER:
                return None
            raise
        return closed.sessions

    async def _ask(self, worker: WorkerId, message: Any, reply: type[R], request_id: RequestId) -> R:
        """The reply of a living worker. Raises `SESSION_NOT_FOUND`: a session does not outlive its worker."""
        async with self._watch.bounded(LIMIT_SECONDS):
            try:
                return await self._calls.call(worker, message, reply, request_id, given=alive(worker))
            except LeftWorkerError:
                raise ServiceError(ErrorCode.SESSION_NOT_FOUND) from None
            except NotAsGivenError:
                await self._watch.check_settled()
                raise ServiceError(ErrorCode.SESSION_NOT_FOUND) from None
