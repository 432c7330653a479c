"""A worker without media: in the real directory, behind real RPC, with rooms that are numbers only."""

from dataclasses import replace
from typing import Any

from redis.asyncio import Redis

from shared.bus import batch, connection, keys
from shared.bus.redis_clock import RedisClock
from shared.directory.claims import RoomLimits
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.messages.sessions import FindSessions, Living
from shared.messages.signalling import Answer, Closed, CloseRoom, Delete, Patch, Patched, Play, Publish, Role
from shared.messages.status import LayerStatus, RoomStatus, WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId, new_session_id
from shared.rpc.request import Handler
from shared.rpc.server import RpcServer

ANSWER = "v=0\r\n" + "a=candidate:1 1 UDP 2130706431 192.0.2.1 7000 typ host\r\n" * 35  # 2 KB, as a real one
HOUR = 3_600
PATIENCE_SECONDS = 30.0  # with Redis: all of a cluster shares this host
LIMITS = RoomLimits(rooms=1_000_000)  # never reached, but counted


def be_patient() -> None:
    """This process waits long for Redis, in each module that reads how long."""
    batch.CALL_TIMEOUT_SECONDS = connection.CALL_TIMEOUT_SECONDS = PATIENCE_SECONDS


def live_long() -> None:
    """What this process announces lives for an hour: its workers cannot beat as often as real ones."""
    keys.HEARTBEAT_TTL_MS = keys.CLAIM_TTL_MS = keys.PROCESS_TTL_MS = keys.PLACE_TTL_MS = HOUR * 1000
    keys.SWEEP_SECONDS = HOUR


class SimulatedWorker:
    """It has `rooms` rooms from the beginning. One that is `quick` answers offers, and tells nobody of it."""

    def __init__(self, redis: Redis, url: str, name: str, rooms: int = 0, *, quick: bool = False) -> None:
        self.id = WorkerId(name)
        self.rooms: dict[str, RoomStatus] = {
            room: _room(room) for room in (f"{name}-{number:03}" for number in range(rooms))
        }
        self._sessions: dict[str, str] = {}  # their rooms
        self._directory = Directory(redis, LIMITS)
        handlers: dict[type, Handler] = {
            Publish: self._publish,
            Play: self._play,
            Patch: self._patch,
            Delete: self._delete,
            CloseRoom: self._close_room,
            FindSessions: self._find_sessions,
        }
        if quick:
            handlers |= {Publish: self._answer_only, Play: self._answer_only}
        self._rpc = RpcServer(redis, url, self.id, handlers, clock=_clock(redis))

    async def serve(self) -> None:
        await self._rpc.run()

    async def beat(self) -> None:
        claims = [RoomName(name) for name, room in self.rooms.items() if not room.origin]
        for lost in await self._directory.beat(self.status(), claims, list(self.rooms.values())):
            del self.rooms[lost]

    def status(self) -> WorkerStatus:
        viewers = sum(room.subscribers for room in self.rooms.values())
        return WorkerStatus(
            id=self.id,
            state=WorkerState.READY,
            http_url="http://192.0.2.1:9100",
            load=0.3,
            egress_packets=12_345.6,
            sessions=viewers + sum(not room.origin for room in self.rooms.values()),
            viewers=viewers,
        )

    def change(self, share: int) -> None:
        """Each `share`-th room gets a viewer."""
        for name in list(self.rooms)[::share]:
            room = self.rooms[name]
            self.rooms[name] = replace(room, subscribers=room.subscribers + 1)

    async def _tell(self, room: str) -> None:
        rooms = [self.rooms[room]] if room in self.rooms else []
        await self._directory.tell(self.status(), rooms, {RoomName(room)})

    async def _publish(self, message: Publish) -> Answer:
        name = RoomName(message.room)
        owner = await self._directory.claim_room(name, self.id, message.network)
        if owner != self.id or name in self.rooms:
            raise ServiceError(ErrorCode.PUBLISHER_EXISTS)
        self.rooms[name] = _room(name)
        return await self._answer(name)

    async def _play(self, message: Play) -> Answer:
        room = self.rooms.get(message.room)
        if room is None and message.origin is None:
            raise ServiceError(ErrorCode.NO_PUBLISHER)
        room = room or replace(_room(message.room), has_publisher=False, origin=message.origin or "")
        self.rooms[message.room] = replace(room, subscribers=room.subscribers + 1)
        return await self._answer(message.room)

    async def _answer(self, room: str) -> Answer:
        session = new_session_id(self.id)
        self._sessions[session] = room
        await self._tell(room)
        return Answer(session=session, sdp=ANSWER, etag="etag")

    async def _answer_only(self, _: Publish | Play) -> Answer:
        return Answer(session=new_session_id(self.id), sdp=ANSWER, etag="etag")

    async def _patch(self, message: Patch) -> Patched:
        return Patched(etag="etag")

    async def _delete(self, message: Delete) -> Closed:
        room = self._sessions.pop(message.session, None)
        if room is None:
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        if message.role is Role.PUBLISH:
            await self._end(room)
        elif room in self.rooms:
            status = self.rooms[room]
            self.rooms[room] = replace(status, subscribers=max(0, status.subscribers - 1))
        await self._tell(room)
        return Closed(sessions=1)

    async def _close_room(self, message: CloseRoom) -> Closed:
        room = self.rooms.get(message.room)
        await self._end(message.room)
        await self._tell(message.room)
        return Closed(sessions=1 + room.subscribers if room is not None else 0)

    async def _end(self, room: str) -> None:
        self.rooms.pop(room, None)
        await self._directory.release_rooms([RoomName(room)], self.id)

    async def _find_sessions(self, message: FindSessions) -> Living:
        return Living(sessions=tuple(each for each in message.sessions if each in self._sessions))


def _room(name: str) -> RoomStatus:
    layers = tuple(
        LayerStatus(rid=rid, bitrate=bitrate, width=height * 16 // 9, height=height)
        for rid, bitrate, height in (("f", 2_500_000, 720), ("h", 600_000, 360), ("q", 150_000, 180))
    )
    return RoomStatus(
        name=name,
        has_publisher=True,
        tracks=2,
        subscribers=0,
        codecs=("VP8", "opus"),
        bitrate=3_300_000,
        started_at=1_790_000_000.0,
        layers=layers,
    )


_clocks: dict[int, Any] = {}


def _clock(redis: Redis) -> RedisClock:
    """One for all workers of a process: a real one has one, too, but reads it once a second for itself."""
    return _clocks.setdefault(id(redis), RedisClock(redis))  # type: ignore[no-any-return]
