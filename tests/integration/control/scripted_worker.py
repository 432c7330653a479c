"""A media worker without media: in the real directory, behind real RPC, with the answers of a test."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from shared.bus import keys
from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.messages.records import DeletedRecord, DeleteRecord, GetRecordStill, ListRecords, ShareRecord
from shared.messages.room_settings import FollowSettings, SettingsFollowed
from shared.messages.rulings import EndSession, Obeyed, ObeyRulings
from shared.messages.sessions import FindSessions, ListSessions, Living, ReadLine
from shared.messages.signalling import (
    Answer,
    AnswerOffer,
    ChooseLayer,
    Closed,
    CloseRoom,
    Delete,
    LayerChosen,
    Patch,
    Patched,
    Play,
    Publish,
    Switched,
    SwitchRoom,
)
from shared.messages.status import Drained, RoomStatus, SetDrain, WorkerState, WorkerStatus
from shared.messages.stills import GetStill
from shared.names import RoomName, WorkerId, new_session_id
from shared.rpc.server import RpcServer

ANSWER_SDP = "v=0\r\ns=the answer\r\n"
_KINDS = (
    *(Publish, Play, Patch, AnswerOffer, ChooseLayer, Delete, CloseRoom, SwitchRoom, FindSessions, SetDrain),
    *(ListRecords, ShareRecord, GetRecordStill, DeleteRecord, ListSessions, ReadLine, ObeyRulings),
    *(EndSession, FollowSettings, GetStill),
)
_USUAL: dict[type, Any] = {
    ChooseLayer: LayerChosen(),
    FollowSettings: SettingsFollowed(),
    ObeyRulings: Obeyed(),
    ShareRecord: ServiceError(ErrorCode.NOT_FOUND),
    GetRecordStill: ServiceError(ErrorCode.NOT_FOUND),
    DeleteRecord: DeletedRecord(existed=False),
}


class ScriptedWorker:
    """Claims rooms as a worker does; `answers` by type of message override what it says."""

    def __init__(self, redis_url: str, name: str) -> None:
        self.id = WorkerId(name)
        self.state = WorkerState.READY
        self.load = 0.0
        self.takes_publishers = True
        self.drains = (0.0, 0.0)
        self.rooms: tuple[RoomStatus, ...] = ()
        self.answers: dict[type, Any] = {}
        self.received: list[Any] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._redis = connect(redis_url)
        self.redis_url = redis_url
        self._directory = Directory(self._redis)
        self._claims: set[RoomName] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedWorker"]:
        self._server = RpcServer(self._redis, self.redis_url, self.id, dict.fromkeys(_KINDS, self._answer))
        await self.beat()
        self._serving = asyncio.create_task(self._server.run())
        tasks = [self._serving, asyncio.create_task(self._keep_beating())]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            async with asyncio.timeout(10):
                await asyncio.gather(*tasks, return_exceptions=True)
            await self._redis.aclose()

    def say_always(self, reply: Any) -> None:
        """Give this reply to every request."""
        self.answers = dict.fromkeys(_KINDS, reply)

    async def beat(self) -> None:
        """Announce the state as it is now."""
        status = WorkerStatus(
            id=self.id,
            state=self.state,
            http_url=f"http://{self.id}.test:9100",
            load=self.load,
            takes_publishers=self.takes_publishers,
            drains_from=self.drains[0],
            drains_until=self.drains[1],
            sessions=len(self._claims),
        )
        await self._directory.beat(status, self._claims, self.rooms)

    async def publish_in(self, room: str, **status: Any) -> None:
        """Be the worker of a room that somebody publishes in."""
        name = RoomName(room)
        self._claims.add(name)
        self.rooms += (
            RoomStatus(**{"name": room, "has_publisher": True, "tracks": 2, "subscribers": 0} | status),
        )
        await self.beat()
        assert await self._directory.room_owner(name) == self.id

    async def give_up(self, room: str) -> None:
        """Be the worker of that room no longer."""
        self._claims.discard(RoomName(room))
        self.rooms = tuple(status for status in self.rooms if status.name != room)
        await self._directory.release_rooms([RoomName(room)], self.id)

    async def close_list(self) -> None:
        """Take no requests any more, as a worker does that is about to leave the directory."""
        await self._server.close()
        await self._serving

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(keys.HEARTBEAT_SECONDS)
            await self.beat()

    async def _answer(self, message: Any) -> Any:
        self.received.append(message)
        await self.may_answer.wait()
        answer = self.answers.get(type(message), _USUAL.get(type(message)))
        if isinstance(answer, Exception):
            raise answer
        return answer or await self._default(message)

    async def _default(self, message: Any) -> Any:
        match message:
            case Publish(room=room):
                owner = await self._directory.claim_room(RoomName(room), self.id)
                if owner != self.id or room in self._claims:
                    raise ServiceError(ErrorCode.PUBLISHER_EXISTS)
                self._claims.add(RoomName(room))
                return Answer(session=new_session_id(self.id), sdp=ANSWER_SDP, etag="first")
            case Play():
                return Answer(session=new_session_id(self.id), sdp=ANSWER_SDP, etag="first")
            case Patch() | AnswerOffer():
                return Patched(etag="first")
            case SetDrain(on=on):
                self.state = WorkerState.DRAINING if on else WorkerState.READY
                await self.beat()
                return Drained(state=self.state, until=time.time() + 30 if on else 0.0)
            case FindSessions(sessions=sessions):
                return Living(sessions=sessions, pictures=dict.fromkeys(sessions, 1))
            case SwitchRoom():
                return Switched(session=f"{self.id}.abcdef…")
            case CloseRoom(room=room):
                return Closed(sessions=sum(1 + r.subscribers for r in self.rooms if r.name == room))
            case _:
                return Closed(sessions=1)
