"""The cluster as the workers' heartbeats in the directory describe it."""

from time import monotonic

from control.workers.cluster_rooms import ClusterRoom, cluster_rooms
from control.workers.redis_watch import RedisWatch
from shared.bus.directory import Directory
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode, ServiceError
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId

LIMIT_SECONDS = 1.5
# `recent_workers` are up to this old: a crowd of viewers need not read the directory for each.
STATUS_AGE_SECONDS = 0.5


class Cluster:
    """Every call raises `NO_WORKER` when Redis does not answer within 1.5 s, or is known to be away."""

    def __init__(self, directory: Directory, watch: RedisWatch, clock: RedisClock) -> None:
        self._directory = directory
        self._watch = watch
        self._clock = clock
        self._workers: list[WorkerStatus] | None = None
        self._read_at = monotonic()

    @property
    def read_at(self) -> float:
        """When the workers were last read, on the steady clock; at first, when this process started."""
        return self._read_at

    @property
    def unix_time(self) -> float:
        """The present by the clock that the workers' Unix times are of."""
        return self._clock.now()

    async def workers(self) -> list[WorkerStatus]:
        """Every living worker."""
        async with self._watch.bounded(LIMIT_SECONDS):
            self._workers = await self._directory.workers()
        self._read_at = monotonic()
        return self._workers

    async def recent_workers(self) -> list[WorkerStatus]:
        """Like `workers`, and up to `STATUS_AGE_SECONDS` old."""
        if self._workers is not None and monotonic() - self._read_at <= STATUS_AGE_SECONDS:
            self._watch.check()
            return self._workers
        return await self.workers()

    async def rooms(self) -> list[ClusterRoom]:
        return cluster_rooms(await self.workers())

    async def room_owner(self, room: RoomName) -> WorkerId | None:
        """The worker that has claimed `room`, read anew; None when nobody publishes there."""
        async with self._watch.bounded(LIMIT_SECONDS):
            return await self._directory.room_owner(room)

    async def lives(self, worker: WorkerId) -> bool:
        return worker in {living.id for living in await self.workers()}

    async def check_ready(self) -> None:
        """Raises `NO_WORKER`, with the reason, unless Redis answers and a worker is ready."""
        if not any(worker.state is WorkerState.READY for worker in await self.workers()):
            raise ServiceError(ErrorCode.NO_WORKER, detail="no worker is ready")
