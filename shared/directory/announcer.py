"""What one worker writes about itself into the directory: its status, its rooms, its place in the lists."""

from collections.abc import Collection, Sequence
from time import monotonic
from typing import Any

from redis.asyncio import Redis

from shared.bus import keys
from shared.bus.batch import Batch, Call, called
from shared.bus.connection import Command
from shared.directory.room_records import ANEW, Change, RoomRecords
from shared.messages.encoding import pack, to_map
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus, burden
from shared.names import RoomName, WorkerId

_LISTS = [keys.WORKERS, keys.TAKES_PUBLISHERS, keys.TAKES_VIEWERS]


class WorkerIdTakenError(Exception):
    """Another process has this worker's id."""


class Announcer:
    """Every call may raise `RedisError`. Only a process that holds the worker's id may announce."""

    def __init__(self, redis: Redis, worker: WorkerId, process: str) -> None:
        self._redis = redis
        self._worker = worker
        self._process = process
        self._records = RoomRecords(worker, self._process)
        self._copies: frozenset[str] = frozenset()

    async def hold(self) -> None:
        """Hold the worker's id. Raises `WorkerIdTakenError`, and changes nothing, if another one has it."""
        hold = Call("hold_id", [keys.worker_process(self._worker)], [self._process, keys.PROCESS_TTL_MS])
        if await called(self._redis, hold) != self._process.encode():
            raise WorkerIdTakenError

    async def announce(
        self,
        status: WorkerStatus,
        rooms: Sequence[RoomStatus],
        of: Collection[str] | None = None,
        beside: Sequence[Command | Call] = (),
    ) -> list[Any]:
        """Write the status, and what changed in the rooms.

        `rooms` are all rooms of the worker, or, with `of`, those of these names that exist. Returns the
        results of the commands `beside`, which go along in the same round trip.
        """
        is_written, results = await self._write(status, rooms, of, beside)
        if not is_written:  # Redis has lost records, or is another one by now
            await self._write(status, rooms, of, ())  # alone: the replies that went along are there already
        return results

    async def _write(
        self,
        status: WorkerStatus,
        rooms: Sequence[RoomStatus],
        of: Collection[str] | None,
        beside: Sequence[Command | Call],
    ) -> tuple[bool, list[Any]]:
        """Write the records; False: Redis lacks the records before them, and next time all are written."""
        copies = self._copies_now(rooms, of)
        change = self._records.change(rooms, monotonic(), of)
        batch = Batch(self._redis)
        batch.put(self._announcement(status, change))
        for room in copies if of is None else copies - self._copies:
            batch.add("SADD", keys.room_copies(RoomName(room)), self._worker)
            batch.add("EXPIRE", keys.room_copies(RoomName(room)), keys.SWEEP_SECONDS)
        for room in self._copies - copies:
            batch.add("SREM", keys.room_copies(RoomName(room)), self._worker)
        for each in beside:
            batch.put(each)
        is_written, *results = await batch.execute()
        self._copies = copies
        if not is_written:
            self._records.lost()
        return bool(is_written), results[len(results) - len(beside) :]

    def _copies_now(self, rooms: Sequence[RoomStatus], of: Collection[str] | None) -> frozenset[str]:
        copies = frozenset(room.name for room in rooms if room.origin)
        return copies if of is None else copies | (self._copies - set(of))

    def _announcement(self, status: WorkerStatus, change: Change) -> Call:
        ready = status.state is WorkerState.READY
        place = burden(status)
        written = {name: record for name, record in change.records.items() if record is not None}
        return Call(
            "announce_worker",
            [
                keys.worker_status(self._worker),
                keys.worker_rooms(self._worker),
                keys.CHANGES,
                *_LISTS,
                keys.WAS_DEAF,
            ],
            [
                pack(to_map(status) | {"rooms_version": change.version}),
                keys.HEARTBEAT_TTL_MS,
                change.before,
                change.version,
                self._worker,
                place if ready and status.takes_publishers else "",
                place if ready and status.takes_viewers else "",
                keys.SWEEP_SECONDS,
                change.packed() if change.records or change.before == ANEW else "",
                keys.CHANGE_TTL_MS,
                keys.CLAIM_TTL_MS,
                len(written),
                *(part for entry in written.items() for part in entry),
                *(change.records.keys() - written.keys()),
            ],
        )

    async def leave(self) -> None:
        """Remove a worker that stops from the directory at once, unless another process has its id."""
        try:
            await self.hold()
        except WorkerIdTakenError:
            return
        batch = Batch(self._redis)
        batch.add("DEL", keys.worker_status(self._worker), keys.worker_rooms(self._worker))
        for workers in _LISTS:
            batch.add("ZREM", workers, self._worker)
        for room in self._copies:
            batch.add("SREM", keys.room_copies(RoomName(room)), self._worker)
        left = Change(self._worker, ANEW, "", {})
        batch.call("log_change", [keys.CHANGES], [left.packed(), keys.CHANGE_TTL_MS, keys.SWEEP_SECONDS])
        batch.add("DEL", keys.worker_process(self._worker))
        await batch.execute()
