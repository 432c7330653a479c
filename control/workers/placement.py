"""Which worker gets a new publisher or viewer, by the load that the workers report. Does no I/O.

Heartbeats are up to a second old, and a new room adds load only once its media flows. So each control process
adds what it placed itself in the last seconds; among equal workers it draws lots, since others place, too.
"""

from collections.abc import Collection, Iterable

from shared.errors import ErrorCode, ServiceError
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId

# Loads that differ by less count as equal: the difference is noise.
_STEP = 0.1
# Packets a second that one core forwards as measured (docs/performance.md).
_PACKETS_OF_A_CORE = 350_000
# The assumed load of a publisher, until its worker has measured it.
_ASSUMED_LOAD = 0.02
_MEASURED_AFTER_SECONDS = 3.0
# A worker that did not answer is tried last as long as its heartbeat may outlive it.
_SUSPECT_SECONDS = 5.0


class Placement:
    """The policy, and what one control process remembers. `now` is in seconds of any steady clock."""

    def __init__(self) -> None:
        self._placed: dict[str, list[float]] = {}  # by worker: until when each placed publisher counts
        self._suspect_until: dict[str, float] = {}

    def publisher_workers(self, workers: Iterable[WorkerStatus], now: float, draw: float) -> list[WorkerId]:
        """The workers that may take a publisher, best first: least load, then fewest sessions.

        `draw`, in [0, 1), decides among equals. Raises `NO_WORKER` or `WORKER_FULL` when there is none.
        """
        self._forget_expired(now)
        ready = [worker for worker in workers if worker.state is WorkerState.READY]
        if not ready:
            raise ServiceError(ErrorCode.NO_WORKER, detail="no worker is ready")
        able = [worker for worker in ready if worker.takes_publishers]
        if not able:
            raise ServiceError(ErrorCode.WORKER_FULL, detail="every worker is at its limit")
        return self._best_first(able, draw)

    def viewer_worker(
        self,
        room: RoomName,
        owner: WorkerId,
        workers: Collection[WorkerStatus],
        refused: Collection[WorkerId],
        draw: float,
    ) -> WorkerId:
        """The worker for a viewer of `room`, which `owner` holds; those in `refused` are full.

        The owner, as long as it takes viewers; then a worker that has a copy of the room; then the one with
        the least load. Raises `WORKER_FULL` when none takes viewers.
        """
        status = next((worker for worker in workers if worker.id == owner), None)
        if owner not in refused and (status is None or _takes_viewers(status)):
            return owner
        edges = [
            worker
            for worker in workers
            if worker.id != owner and worker.id not in refused and _takes_viewers(worker)
        ]
        if not edges:
            raise ServiceError(ErrorCode.WORKER_FULL, detail="every worker is at its limit")
        with_copy = [worker for worker in edges if viewers_there(room, worker) is not None]
        return self._best_first(with_copy or edges, draw)[0]

    def can_play(self, room: RoomName, workers: Collection[WorkerStatus]) -> bool:
        """Whether a viewer of `room` would get a worker now."""
        for worker in workers:
            if any(held.name == room and not held.origin and held.has_publisher for held in worker.rooms):
                try:
                    self.viewer_worker(room, WorkerId(worker.id), workers, (), 0.0)
                except ServiceError:
                    return False
                return True
        return False

    def placed(self, worker: WorkerId, now: float) -> None:
        """Remember that a publisher was sent to `worker`."""
        self._placed.setdefault(worker, []).append(now + _MEASURED_AFTER_SECONDS)

    def unanswered(self, worker: WorkerId, now: float) -> None:
        """Remember that `worker` did not answer in time."""
        self._suspect_until[worker] = now + _SUSPECT_SECONDS

    def answered(self, worker: WorkerId) -> None:
        """Remember that `worker` answers, whatever the answer."""
        self._suspect_until.pop(worker, None)

    def _best_first(self, workers: list[WorkerStatus], draw: float) -> list[WorkerId]:
        by_id = sorted(workers, key=lambda worker: worker.id)
        turn = int(draw * len(by_id))
        return [WorkerId(worker.id) for worker in sorted(by_id[turn:] + by_id[:turn], key=self._rank)]

    def _rank(self, worker: WorkerStatus) -> tuple[bool, int, int, int]:
        placed = self._placed.get(worker.id, [])
        load = _measured(worker) + _ASSUMED_LOAD * len(placed)
        return worker.id in self._suspect_until, int(load / _STEP), len(placed), worker.sessions

    def _forget_expired(self, now: float) -> None:
        self._suspect_until = {worker: until for worker, until in self._suspect_until.items() if until > now}
        recent = {worker: [until for until in ends if until > now] for worker, ends in self._placed.items()}
        self._placed = {worker: ends for worker, ends in recent.items() if ends}


def viewers_there(room: RoomName, worker: WorkerStatus) -> int | None:
    """How many viewers of `room` a worker has; None when it does not hold the room."""
    return next((status.subscribers for status in worker.rooms if status.name == room), None)


def _measured(worker: WorkerStatus) -> float:
    """The used share of the worker's capacity: of its core's time, or of the packets that a core can send."""
    return max(worker.load, worker.egress_packets / _PACKETS_OF_A_CORE)


def _takes_viewers(worker: WorkerStatus) -> bool:
    return worker.state is WorkerState.READY and worker.takes_viewers
