"""Claims: which worker owns a room. The claim of a room is a key of its own, which its owner refreshes.

Apart from that, claimed rooms are counted: there are limits for all of them and for those of one network. A
script touches either one claim or the counts, so that Redis Cluster may hold both.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic

from redis.asyncio import Redis

from shared.bus import keys
from shared.bus.batch import Batch, Call, called
from shared.bus.connection import Command
from shared.errors import ErrorCode, ServiceError, redis_is_new
from shared.names import RoomName, WorkerId, is_check, worker_in_key

REFRESHED_AT_ONCE = 100  # claims in one round trip: 0.7 ms of the event loop
_PLACES = [keys.ROOMS, keys.NETWORKS, keys.PUBLISHERS]
_CHECK_PLACES = [keys.CHECKS, keys.CHECK_NETWORKS, keys.CHECK_PUBLISHERS]
CLOSED_SUFFIX = " closed"  # of a room's end that its publisher did not choose
_NEVER_MS = 10**12  # some thirty years
_TOO_MANY_ROOMS, _TOO_MANY_OF_NETWORK = 1, 2  # of take_place.lua


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """How many rooms may be claimed at once, in all and by publishers of one network; 0: no limit.

    Checks of an uplink are counted apart, with the same limits: they take no room's place.
    """

    rooms: int = 0
    rooms_of_network: int = 0

    @property
    def exist(self) -> bool:
        return bool(self.rooms or self.rooms_of_network)

    def reached(self, room: RoomName, *, of_network: bool) -> ServiceError:
        """The error for a client that wants one more; it names the setting."""
        if of_network:
            what = "too many checks of uplinks" if is_check(room) else "too many rooms"
            detail = f"{what} of this address: MAX_PUBLISHERS_PER_CLIENT is {self.rooms_of_network}"
            return ServiceError(ErrorCode.PUBLISHER_LIMIT, detail=detail)
        what = "too many checks of uplinks at once" if is_check(room) else "the server is full"
        return ServiceError(ErrorCode.ROOM_LIMIT, detail=f"{what}: MAX_ROOMS is {self.rooms}")


class Claims:
    """Every call may raise `RedisError`."""

    def __init__(self, redis: Redis, limits: RoomLimits) -> None:
        self._redis = redis
        self._limits = limits
        self._places_renewed_at = -inf
        self._since: dict[tuple[WorkerId, RoomName], bytes] = {}  # when each was claimed, as Redis has said
        self._networks: dict[tuple[WorkerId, RoomName], str] = {}  # for which each counts
        self._heard: dict[tuple[WorkerId, RoomName], float] = {}  # when Redis last prolonged each, or earlier
        self._asked_at = -inf  # when `renewals` were last asked for

    async def claim(self, room: RoomName, worker: WorkerId, network: str) -> WorkerId:
        """Claim `room`, atomically; returns the owner.

        Raises `ROOM_LIMIT` or `PUBLISHER_LIMIT`, or `NO_WORKER` where Redis may have lost claims.
        """
        asked_at = monotonic()
        claim = Call("claim_room", _claim_keys(room), [worker, keys.CLAIM_TTL_MS, ""])
        answer = await called(self._redis, claim)
        if not answer:
            raise redis_is_new()
        owner, *claimed = answer
        if not claimed:
            return worker_in_key(owner)
        self._since[worker, room], was_held = claimed
        self._heard[worker, room] = asked_at
        if not self._limits.exist:
            return worker
        limits = [self._limits.rooms, self._limits.rooms_of_network]
        wanted = [room, network, keys.PLACE_TTL_MS, *limits, keys.SWEEP_SECONDS]
        outcome = await called(self._redis, Call("take_place", _places(room), wanted))
        if outcome in (_TOO_MANY_ROOMS, _TOO_MANY_OF_NETWORK):
            if not was_held:
                await called(self._redis, Call("release_room", [keys.room_claim(room)], [worker]))
            raise self._limits.reached(room, of_network=outcome == _TOO_MANY_OF_NETWORK)
        self._networks[worker, room] = network if self._limits.rooms_of_network else ""
        return worker

    async def release(
        self,
        rooms: Collection[RoomName],
        worker: WorkerId,
        never_open: Collection[RoomName] = (),
        closed: Collection[RoomName] = (),
    ) -> None:
        """Release `rooms`, but for those that another worker owns now; Redis keeps when they ended.

        Of those that were `never_open`, and of checks, it keeps nothing. `closed`: see `Directory`.
        """
        if not rooms:
            return
        for room in rooms:
            self._since.pop((worker, room), None)
            self._networks.pop((worker, room), None)
            self._heard.pop((worker, room), None)
        batch = Batch(self._redis)
        for room in rooms:
            if room in never_open or is_check(room):
                batch.call("release_room", [keys.room_claim(room)], [worker])
            else:
                at = [keys.room_claim(room), keys.room_ended(room)]
                suffix = CLOSED_SUFFIX if room in closed else ""
                batch.call("end_room", at, [worker, keys.ENDED_TTL_SECONDS, suffix])
        released = zip(rooms, await batch.execute(), strict=True)
        places = Batch(self._redis)
        for room, was_held in released:
            if was_held and self._limits.exist:
                places.call("leave_place", _places(room), [room])
        await places.execute()

    def renewals(self, rooms: Sequence[RoomName]) -> list[Command]:
        """Commands that prolong the claims of the first rooms; `refresh` takes their results.

        GETEX tells the owner, too, at a tenth of a script's cost. Another worker's claim is prolonged once:
        this worker gives the room up and does not ask again.
        """
        self._asked_at = monotonic()
        return [
            ("GETEX", keys.room_claim(room), "PX", keys.CLAIM_TTL_MS) for room in rooms[:REFRESHED_AT_ONCE]
        ]

    def refused(self, rooms: Collection[RoomName], worker: WorkerId) -> None:
        """Take that Redis has answered `renewals` and refuses writes: it prolongs no claim, and grants none.

        Who was heard until then has lost nothing to another worker, however long that lasts.
        """
        for room in rooms:
            heard_at = self._heard.get((worker, room))
            if heard_at is not None and self._asked_at - heard_at < keys.CLAIM_TTL_MS / 1000:
                self._heard[worker, room] = self._asked_at

    async def refresh(
        self, rooms: Sequence[RoomName], worker: WorkerId, renewed: Sequence[bytes | None]
    ) -> list[RoomName]:
        """Refresh the claims of `worker`, also those that Redis has lost; returns those that others hold.

        `renewed` are the results of `renewals`.
        """
        now = monotonic()
        renews_places = self._limits.exist and now - self._places_renewed_at >= keys.PLACE_SECONDS
        if renews_places:
            self._places_renewed_at = now
        lost = await self._settle(rooms[: len(renewed)], renewed, worker, renews_places)
        for first in range(len(renewed), len(rooms), REFRESHED_AT_ONCE):
            some = rooms[first : first + REFRESHED_AT_ONCE]
            batch = Batch(self._redis)
            for command in self.renewals(some):
                batch.add(*command)
            lost += await self._settle(some, await batch.execute(), worker, renews_places)
        return lost

    async def _settle(
        self,
        rooms: Sequence[RoomName],
        renewed: Sequence[bytes | None],
        worker: WorkerId,
        renews_places: bool,
    ) -> list[RoomName]:
        asked_at = self._asked_at
        owners: dict[RoomName, bytes | None] = dict(zip(rooms, renewed, strict=True))
        # another worker may have claimed a room again that it lost, and does not know that yet
        if gone := [room for room, owner in owners.items() if not owner or worker_in_key(owner) != worker]:
            renews_places = self._limits.exist  # perhaps Redis has come back empty
            again = Batch(self._redis)
            for room in gone:
                since = self._since.get((worker, room), b"0")
                heard_at = self._heard.get((worker, room))
                unheard = _NEVER_MS if heard_at is None else round((asked_at - heard_at) * 1000)
                again.call("claim_room", _claim_keys(room), [worker, keys.CLAIM_TTL_MS, since, unheard])
            owners |= {room: owner for room, (owner, *_) in zip(gone, await again.execute(), strict=True)}
        kept = [room for room, owner in owners.items() if owner and worker_in_key(owner) == worker]
        self._heard |= {(worker, room): asked_at for room in kept if (worker, room) in self._since}
        if kept and renews_places:
            await self._keep_places(kept, worker)
        return sorted(set(rooms) - set(kept), key=rooms.index)

    async def _keep_places(self, rooms: Collection[RoomName], worker: WorkerId) -> None:
        lives = [keys.PLACE_TTL_MS, keys.SWEEP_SECONDS]
        batch = Batch(self._redis)
        for places, checks in ((_PLACES, False), (_CHECK_PLACES, True)):
            some = [room for room in rooms if is_check(room) is checks]
            if some:
                networks = [part for room in some for part in (room, self._networks.get((worker, room), ""))]
                batch.call("keep_places", places, [*lives, *networks])
        await batch.execute()


def _places(room: RoomName) -> list[str]:
    return _CHECK_PLACES if is_check(room) else _PLACES


def _claim_keys(room: RoomName) -> list[str]:
    return [keys.room_claim(room), keys.room_ended(room), keys.EPOCH, keys.room_since(room), keys.WAS_DEAF]
