"""The cluster as the directory describes it: what a request needs is read by its key."""

from collections.abc import Collection, Iterable, Sequence
from time import monotonic

from control.workers.cluster_rooms import ClusterRoom, cluster_room
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.bus.redis_clock import RedisClock
from shared.directory.directory import Directory, RoomEnd, RoomHolders
from shared.errors import ErrorCode, ServiceError
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId

LIMIT_SECONDS = 1.5
# `recent_workers`, and the status of one worker, are up to this old: a crowd of requests shares one reading.
STATUS_AGE_SECONDS = 0.5
MAX_REMEMBERED = 10_000  # statuses of single workers


class Cluster:
    """Every call raises `NO_WORKER` when Redis does not answer within 1.5 s, or is known to be away."""

    def __init__(self, directory: Directory, watch: RedisWatch, clock: RedisClock) -> None:
        self._directory = directory
        self._watch = watch
        self._clock = clock
        self._workers: list[WorkerStatus] | None = None
        self._read_at = monotonic()
        self._first_read_at: float | None = None
        self._remembered: dict[WorkerId, tuple[float, WorkerStatus | None]] = {}
        self._heard: dict[WorkerId, float] = {}  # when each worker was last read as a living one

    @property
    def read_at(self) -> float:
        """When the workers were last read, on the steady clock; at first, when this process started."""
        return self._read_at

    @property
    def unix_time(self) -> float:
        """The present by the clock by which the workers count."""
        return self._clock.now()

    # --- workers

    async def workers(self) -> list[WorkerStatus]:
        """Every living worker. It costs as much as there are workers: no request of a client needs it."""
        async with self._watch.bounded(LIMIT_SECONDS):
            workers = await self._directory.workers()
        self._workers = workers
        self._read_at = now = monotonic()
        self._first_read_at = self._first_read_at or now
        self._heard |= dict.fromkeys((WorkerId(worker.id) for worker in workers), now)
        self._heard = {worker: at for worker, at in self._heard.items() if now - at < keys.SWEEP_SECONDS}
        return workers

    async def heard_workers(self, seconds: float) -> list[WorkerId]:
        """Every worker that was heard within a minute and has not left, as Redis or this process knows.

        A Redis that was emptied knows nobody until the workers' next heartbeats, and those that it cannot
        reach even longer. Of these, some may have left. Raises `NO_WORKER`, too, when neither Redis nor this
        process has been there for long enough to know them all.
        """
        known_seconds = monotonic() - self._first_read_at if self._first_read_at else 0.0
        async with self._watch.bounded(seconds):
            await self._directory.check_complete(known_seconds)
            known = await self._directory.heard_workers()
        return sorted({*known, *self._heard})

    async def recent_workers(self) -> list[WorkerStatus]:
        """Like `workers`, and up to `STATUS_AGE_SECONDS` old."""
        if self._workers is not None and monotonic() - self._read_at <= STATUS_AGE_SECONDS:
            self._watch.check()
            return self._workers
        return await self.workers()

    async def lost_workers(self) -> list[WorkerId]:
        """The workers that died, or cannot reach Redis, within the last minute."""
        async with self._watch.bounded(LIMIT_SECONDS):
            return await self._directory.lost_workers(self.unix_time)

    async def recent_status(self, worker: WorkerId) -> WorkerStatus | None:
        """The status of one worker, up to `STATUS_AGE_SECONDS` old; None: it does not live."""
        now = monotonic()
        read_at, status = self._remembered.get(worker, (-STATUS_AGE_SECONDS, None))
        if now - read_at <= STATUS_AGE_SECONDS:
            self._watch.check()
            return status
        async with self._watch.bounded(LIMIT_SECONDS):
            status = (await self._directory.statuses([worker])).get(worker)
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[worker] = now, status
        return status

    async def draw_workers(
        self, number: int, avoid: Collection[WorkerId], *, for_viewer: bool = False
    ) -> list[WorkerId]:
        """Some workers that take a publisher, or a viewer, best first (see `Directory`)."""
        async with self._watch.bounded(LIMIT_SECONDS):
            return await self._directory.draw_workers(number, avoid, for_viewer=for_viewer)

    async def check_ready(self) -> None:
        """Raises `NO_WORKER`, with the reason, unless offers are taken and a worker is ready, or just was."""
        await self._watch.check_settled()
        if not (_any_ready(await self.recent_workers()) or _any_ready(await self.workers())):
            raise ServiceError(ErrorCode.NO_WORKER, detail="no worker is ready")

    # --- one room

    async def room_owner(self, room: RoomName) -> WorkerId | None:
        """The worker that has claimed `room`, read anew; None when nobody publishes there."""
        async with self._watch.bounded(LIMIT_SECONDS):
            return await self._directory.room_owner(room)

    async def room_holders(self, room: RoomName) -> RoomHolders:
        """The room's owner, and the workers that may have a copy of it, read anew."""
        async with self._watch.bounded(LIMIT_SECONDS):
            holders = await self._directory.room_holders(room)
        return RoomHolders(holders.owner, holders.copies - {holders.owner})

    async def room_ends(self, rooms: Sequence[RoomName]) -> dict[RoomName, RoomEnd]:
        """The ends of those of `rooms` that are over, as far as they are known."""
        async with self._watch.bounded(LIMIT_SECONDS):
            return await self._directory.room_ends(rooms)

    async def in_room(
        self, room: RoomName, holders: RoomHolders
    ) -> dict[WorkerId, tuple[WorkerStatus | None, RoomStatus | None]]:
        """What the holders of `room` say about themselves and about it, read anew."""
        asked = holders.copies | ({holders.owner} if holders.owner else set())
        async with self._watch.bounded(LIMIT_SECONDS):
            return await self._directory.in_room(room, asked)

    async def room(self, room: RoomName) -> ClusterRoom | None:
        holders = await self.room_holders(room)
        if holders.owner is None and not holders.copies:
            return None
        found = await self.in_room(room, holders)
        parts = [(worker, status) for worker, (_, status) in found.items() if status is not None]
        return cluster_room(room, parts)


def _any_ready(workers: Iterable[WorkerStatus]) -> bool:
    return any(worker.state is WorkerState.READY for worker in workers)
