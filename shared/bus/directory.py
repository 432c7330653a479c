"""The cluster's directory in Redis: which workers are alive, which rooms they hold, who owns a room.

Workers announce themselves by heartbeats that expire; a room is a claim that its owner refreshes. Nothing
scans the keyspace, and media flows without the directory.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from redis.asyncio import Redis

from shared.bus import keys
from shared.errors import ErrorCode, ServiceError
from shared.messages.encoding import DecodeError, from_map, pack, to_map, unpack
from shared.messages.status import WorkerStatus
from shared.names import RoomName, WorkerId

_SCRIPTS = Path(__file__).parent
_TOO_MANY_OF_NETWORK = 2  # of claim_room.lua


def _script(name: str) -> str:
    return (_SCRIPTS / name).read_text(encoding="utf-8")


class WorkerIdTakenError(Exception):
    """Another process has this worker's id."""


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """How many rooms may be claimed at once, in all and by publishers of one network; 0: no limit."""

    rooms: int = 0
    rooms_of_network: int = 0

    def reached(self, *, of_network: bool) -> ServiceError:
        if of_network:
            detail = f"this address publishes in {self.rooms_of_network} rooms already"
            return ServiceError(ErrorCode.PUBLISHER_LIMIT, detail=detail)
        return ServiceError(ErrorCode.ROOM_LIMIT, detail=f"there are {self.rooms} rooms already")


class Directory:
    """Reads and writes the directory. Every call is one or two round trips and may raise `RedisError`.

    The worker that announces itself through one `Directory` has its id until that expires or it leaves.
    """

    def __init__(self, redis: Redis, limits: RoomLimits | None = None) -> None:
        self._redis = redis
        self._limits = limits or RoomLimits()
        self._process = secrets.token_hex(8)
        self._claim = redis.register_script(_script("claim_room.lua"))
        self._release = redis.register_script(_script("release_room.lua"))
        self._leave = redis.register_script(_script("leave.lua"))
        self._beat = redis.register_script(_script("heartbeat.lua"))

    # --- for workers

    async def claim_room(self, room: RoomName, worker: WorkerId, network: str = "") -> WorkerId:
        """Claim `room` for `worker`, atomically; returns the owner, which is `worker` on success.

        `network` is where its publisher is; empty: not known, and not limited. Raises `ROOM_LIMIT` or
        `PUBLISHER_LIMIT`.
        """
        limits = self._limits
        outcome: bytes | int = await self._claim(
            keys=[keys.room_claim(room), keys.ROOMS, keys.PUBLISHERS],
            args=[
                worker,
                keys.CLAIM_TTL_MS,
                room,
                network,
                limits.rooms,
                limits.rooms_of_network,
                keys.WORKER_SWEEP_SECONDS,
            ],
        )
        if isinstance(outcome, int):
            raise limits.reached(of_network=outcome == _TOO_MANY_OF_NETWORK)
        return _worker(outcome)

    async def release_room(self, room: RoomName, worker: WorkerId) -> None:
        """Release `room`, unless another worker owns it now."""
        await self._release(keys=[keys.room_claim(room), keys.ROOMS, keys.PUBLISHERS], args=[worker, room])

    async def beat(self, status: WorkerStatus, claims: Iterable[RoomName]) -> list[RoomName]:
        """Announce `status` and refresh `claims`; returns those that another worker holds now.

        Raises `WorkerIdTakenError`, and changes nothing, when another process has the worker's id.
        """
        worker = WorkerId(status.id)
        rooms = list(claims)
        held = [keys.room_claim(room) for room in rooms]
        lost: list[bytes] | None = await self._beat(
            keys=[*_entries(worker), keys.ROOMS, keys.PUBLISHERS, *held],
            args=[
                worker,
                pack(to_map(status)),
                keys.HEARTBEAT_TTL_MS,
                keys.WORKER_SWEEP_SECONDS,
                keys.CLAIM_TTL_MS,
                self._process,
                keys.PROCESS_TTL_MS,
                *rooms,
            ],
        )
        if lost is None:
            raise WorkerIdTakenError
        return [RoomName(room.decode()) for room in lost]

    async def leave(self, worker: WorkerId) -> None:
        """Remove a worker that stops from the directory at once, unless another process has its id."""
        await self._leave(keys=_entries(worker), args=[worker, self._process])

    # --- for control

    async def workers(self) -> list[WorkerStatus]:
        """Every living worker, sorted by id."""
        ids = cast(list[bytes], await self._redis.zrange(keys.WORKERS, 0, -1))
        if not ids:
            return []
        blobs = cast(
            list[bytes | None],
            await self._redis.mget([keys.worker_status(_worker(i)) for i in ids]),
        )
        statuses = []
        for blob in blobs:
            if blob is None:  # its heartbeat has expired
                continue
            try:
                statuses.append(from_map(WorkerStatus, unpack(blob)))
            except DecodeError:  # of another version: no sessions are placed on it
                continue
        return sorted(statuses, key=lambda status: status.id)

    async def room_owner(self, room: RoomName) -> WorkerId | None:
        """The worker that holds `room`, or None when nobody publishes there."""
        owner = cast(bytes | None, await self._redis.get(keys.room_claim(room)))
        return _worker(owner) if owner is not None else None

    async def ping(self) -> None:
        await self._redis.ping()


def _entries(worker: WorkerId) -> list[str]:
    return [keys.WORKERS, keys.worker_status(worker), keys.worker_process(worker)]


def _worker(data: bytes) -> WorkerId:
    """The id in a key; what is none becomes the id of no worker."""
    return WorkerId(data.decode(errors="replace"))
