"""The cluster's directory in Redis: which workers are alive, which rooms they hold, who owns a room.

Workers announce themselves by heartbeats that expire; a room is a claim that its owner refreshes. Nothing
scans the keyspace, and media flows without the directory.
"""

import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.bus import keys
from shared.bus.batch import Batch, Call, called
from shared.bus.connection import address_of
from shared.directory.announcer import Announcer
from shared.directory.claims import CLOSED_SUFFIX, Claims, RoomLimits
from shared.directory.room_records import Change, read_change
from shared.directory.worker_list import living_workers, read_status, statuses_of
from shared.errors import redis_is_new
from shared.messages.encoding import DecodeError, read
from shared.messages.status import RoomStatus, WorkerStatus
from shared.names import RoomName, WorkerId, worker_in_key

_VERSION = b"@"  # beside the records of a worker's rooms: no room has this name
_END = re.compile(rb"([0-9]{1,11})(" + CLOSED_SUFFIX.encode() + rb")?")
_CHANGES_AT_ONCE = 100
_PROCESS_BYTES = 8  # of random
_LOT_BITS = 31


@dataclass(frozen=True, slots=True)
class RoomHolders:
    """The workers of a room. A worker of `copies` may have lost its copy meanwhile."""

    owner: WorkerId | None
    copies: frozenset[WorkerId]


@dataclass(frozen=True, slots=True)
class Records:
    """The packed records of all rooms of a worker, and their version; "": it has none."""

    version: str
    packed: dict[str, bytes]


class RoomEnd(NamedTuple):
    """When a room ended, in Unix time. `closed`: an operator or its settings ended it, not its publisher."""

    at: int
    closed: bool = False


class Changes(NamedTuple):
    """Changes of the records of rooms. `at`: where to continue in the log; `more`: there is more now."""

    at: str
    changes: list[Change]
    more: bool


class Directory:
    """Reads and writes the directory. Every call is one or two round trips and may raise `RedisError`.

    The worker that announces itself through one `Directory` has its id until that expires or it leaves.
    """

    def __init__(self, redis: Redis, limits: RoomLimits | None = None) -> None:
        self._redis = redis
        self._claims = Claims(redis, limits or RoomLimits())
        # begins the versions of the records that go through this object
        self.process = secrets.token_hex(_PROCESS_BYTES)
        self._announcers: dict[WorkerId, Announcer] = {}

    # --- for workers

    async def claim_room(self, room: RoomName, worker: WorkerId, network: str = "") -> WorkerId:
        """Claim `room` for `worker`, atomically; returns the owner, which is `worker` on success.

        `network` is where its publisher is; empty: not known, and not limited. Raises `ROOM_LIMIT` or
        `PUBLISHER_LIMIT`.
        """
        return await self._claims.claim(room, worker, network)

    async def release_rooms(
        self,
        rooms: Collection[RoomName],
        worker: WorkerId,
        never_open: Collection[RoomName] = (),
        closed: Collection[RoomName] = (),
    ) -> None:
        """Release those of `rooms` that no other worker owns now.

        They have ended, but for those of `never_open`, which were claimed and not opened. Those of `closed`
        were ended by an operator or by their settings, not by their publisher.
        """
        await self._claims.release(rooms, worker, never_open, closed)

    async def beat(
        self, status: WorkerStatus, claims: Iterable[RoomName], rooms: Sequence[RoomStatus] = ()
    ) -> list[RoomName]:
        """`beat_with` nothing else; returns the rooms that another worker holds now."""
        lost, _ = await self.beat_with((), status, claims, rooms)
        return lost

    async def beat_with(
        self,
        along: Sequence[Call],
        status: WorkerStatus,
        claims: Iterable[RoomName],
        rooms: Sequence[RoomStatus],
    ) -> tuple[list[RoomName], list[Any]]:
        """Announce `status` and all `rooms`, and refresh `claims`. The epoch of a new Redis begins.

        Returns the rooms that another worker holds now, and the results of what went `along` (see `tell`).
        Raises `WorkerIdTakenError`, and changes nothing, when another process has the worker's id.
        """
        worker = WorkerId(status.id)
        announcer = self._announcer(worker)
        claimed = list(claims)
        renewals = self._claims.renewals(claimed)
        # Also of a worker without rooms: otherwise the wait for claims would begin with the first publisher.
        meet = Call("look_at_epoch", [keys.EPOCH], [""])
        try:
            await announcer.hold()
            _, *results = await announcer.announce(status, rooms, beside=[meet, *renewals, *along])
        except ResponseError:  # Redis answers, and refuses writes
            self._claims.refused(claimed, worker)
            raise
        lost = await self._claims.refresh(claimed, worker, results[: len(renewals)])
        return lost, results[len(renewals) :]

    async def tell(
        self,
        status: WorkerStatus,
        rooms: Sequence[RoomStatus],
        of: Collection[RoomName],
        along: Sequence[Call] = (),
    ) -> list[Any]:
        """Between two beats, announce `status` and the rooms of these names; those not in `rooms` ended.

        Redis does what goes `along` once it knows that, in the same round trip. Returns the results. Where
        Redis has lost records or a script, it is done, once, before those are there again.
        """
        return await self._announcer(WorkerId(status.id)).announce(status, rooms, of, along)

    async def leave(self, worker: WorkerId) -> None:
        """Remove a worker that stops from the directory at once, unless another process has its id."""
        await self._announcer(worker).leave()

    def _announcer(self, worker: WorkerId) -> Announcer:
        if worker not in self._announcers:
            self._announcers[worker] = Announcer(self._redis, worker, self.process)
        return self._announcers[worker]

    @property
    def address(self) -> str:
        """Where Redis is, for people."""
        return address_of(self._redis)

    # --- about workers

    async def workers(self) -> list[WorkerStatus]:
        """Every living worker, sorted by id. It costs as much as there are workers."""
        return await living_workers(self._redis)

    async def heard_workers(self) -> list[WorkerId]:
        """Every worker that was heard within a minute and has not left, whether it lives or not."""
        ids = cast(list[bytes], await self._redis.zrange(keys.WORKERS, 0, -1))
        return [worker_in_key(worker) for worker in ids]

    async def lost_workers(self, now: float) -> list[WorkerId]:
        """The workers that have fallen silent within a minute and did not leave. `now`: Redis' Unix time."""
        silent = now - keys.HEARTBEAT_TTL_MS / 1000
        found = cast(list[bytes], await self._redis.zrangebyscore(keys.WORKERS, "-inf", silent))
        return [worker_in_key(worker) for worker in found]

    async def last_heard(self, workers: Collection[WorkerId]) -> dict[WorkerId, float]:
        """When those of `workers` that have not left were last heard within a minute, in Redis' Unix time."""
        asked: list[str] = list(workers)
        found = await self._redis.zmscore(keys.WORKERS, asked)
        return {
            WorkerId(worker): float(at) for worker, at in zip(asked, found, strict=True) if at is not None
        }

    async def longest_silence(self) -> float:
        """For how many seconds Redis has not heard one of those that have not left: the longest time."""
        first = cast(list[tuple[bytes, float]], await self._redis.zrange(keys.WORKERS, 0, 0, withscores=True))
        seconds, microseconds = await self._redis.time()
        now = seconds + microseconds / 1e6
        [(_, heard_at)] = first or [(b"", now)]
        return now - heard_at

    async def statuses(self, workers: Collection[WorkerId]) -> dict[WorkerId, WorkerStatus]:
        """The statuses of those of `workers` that live."""
        return await statuses_of(self._redis, [*workers])

    async def draw_workers(
        self, number: int, avoid: Collection[WorkerId] = (), *, for_viewer: bool = False
    ) -> list[WorkerId]:
        """Some workers that take publishers, or viewers, drawn at random, the one with the least load first.

        A place on the first is reserved until its next heartbeat. Those to `avoid` come last.
        """
        draw = Call(
            "draw_workers",
            [keys.WORKERS, keys.TAKES_VIEWERS if for_viewer else keys.TAKES_PUBLISHERS],
            [number, keys.HEARTBEAT_TTL_MS / 1000, secrets.randbits(_LOT_BITS), *avoid],
        )
        drawn: list[bytes] = await called(self._redis, draw)
        return [worker_in_key(worker) for worker in drawn]

    # --- about rooms

    async def check_complete(self, known_seconds: float = 0.0) -> None:
        """Raises `NO_WORKER` where a room that is missing may exist all the same: see epoch.lua.

        Not for who has known the cluster for so long that it knew all of it before Redis lost anything. May
        raise `RedisError`, also where Redis answers and refuses writes: then claims have expired that count.
        """
        age_ms = await called(self._redis, Call("look_at_epoch", [keys.EPOCH], [""]))
        if age_ms < keys.CLAIM_TTL_MS and known_seconds * 1000 < age_ms + keys.CLAIM_TTL_MS:
            raise redis_is_new()

    async def room_owner(self, room: RoomName) -> WorkerId | None:
        """The worker that holds `room`, or None when nobody publishes there."""
        owner = cast(bytes | None, await self._redis.get(keys.room_claim(room)))
        return worker_in_key(owner) if owner is not None else None

    async def room_owners(self, rooms: Sequence[RoomName]) -> dict[RoomName, WorkerId | None]:
        """As `room_owner`, of each of `rooms`."""
        found = await self._redis.mget([keys.room_claim(room) for room in rooms]) if rooms else []
        return {
            room: worker_in_key(owner) if owner is not None else None
            for room, owner in zip(rooms, cast(list[bytes | None], found), strict=True)
        }

    async def room_holders(self, room: RoomName) -> RoomHolders:
        batch = Batch(self._redis)
        batch.add("GET", keys.room_claim(room))
        batch.add("SMEMBERS", keys.room_copies(room))
        owner, copies = await batch.execute()
        return RoomHolders(
            worker_in_key(owner) if owner is not None else None, frozenset(map(worker_in_key, copies))
        )

    async def room_ends(self, rooms: Sequence[RoomName]) -> dict[RoomName, RoomEnd]:
        """The ends of those of `rooms` that ended within a day and were not claimed since.

        There is one at least. Nobody tells it of a room whose worker died.
        """
        found = cast(list[bytes | None], await self._redis.mget([keys.room_ended(room) for room in rooms]))
        return {
            room: RoomEnd(int(match[1]), closed=match[2] is not None)
            for room, text in zip(rooms, found, strict=True)
            if text is not None and (match := _END.fullmatch(text))
        }

    async def in_room(
        self, room: RoomName, workers: Iterable[WorkerId]
    ) -> dict[WorkerId, tuple[WorkerStatus | None, RoomStatus | None]]:
        """What each of `workers` says about itself, unless it is dead, and about `room`, if it has that."""
        asked, batch = list(workers), Batch(self._redis)
        for worker in asked:
            batch.add("GET", keys.worker_status(worker))
            batch.add("HGET", keys.worker_rooms(worker), room)
        answers = await batch.execute()
        read = zip(map(read_status, answers[::2]), map(read_room, answers[1::2]), strict=True)
        return dict(zip(asked, read, strict=True))

    async def records(self, workers: Sequence[WorkerId]) -> dict[WorkerId, Records]:
        """The records of all rooms of some workers. It costs as much as they have rooms."""
        batch = Batch(self._redis)
        for worker in workers:
            batch.add("HGETALL", keys.worker_rooms(worker))
        return dict(zip(workers, map(_records, await batch.execute()), strict=True))

    async def last_change(self) -> str:
        """The last entry of the log of changes."""
        last = cast(list[Any], await self._redis.xrevrange(keys.CHANGES, count=1))
        [(at, _)] = last or [(b"0-0", {})]
        return str(at.decode())

    async def changes(self, after: str) -> Changes:
        """What changed in the records of rooms after the entry `after` of the log.

        What is too old is missing: the versions tell.
        """
        entries = cast(
            list[tuple[bytes, dict[bytes, bytes]]],
            await self._redis.xrange(keys.CHANGES, f"({after}", "+", count=_CHANGES_AT_ONCE),
        )
        found: list[Change] = []
        for _, fields in entries:
            try:
                found.append(read_change(fields[b"c"]))
            except (DecodeError, KeyError):  # of another version
                continue
        at = entries[-1][0].decode() if entries else after
        return Changes(at, found, len(entries) == _CHANGES_AT_ONCE)

    async def ping(self) -> None:
        await self._redis.ping()


def read_room(record: bytes | None) -> RoomStatus | None:
    """The room in a record; None if there is none that this version can read."""
    if record is None:
        return None
    try:
        return read(RoomStatus, record)
    except DecodeError:
        return None


def _records(fields: dict[bytes, bytes]) -> Records:
    found = dict(fields)
    version = found.pop(_VERSION, b"")
    return Records(
        version.decode(errors="replace"), {name.decode(errors="replace"): found[name] for name in found}
    )
