"""Which worker gets a new publisher. Pure."""

from collections.abc import Iterable

from shared.errors import ErrorCode, ServiceError
from shared.messages import WorkerState, WorkerStatus
from shared.names import WorkerId

# Loads that differ by less are the same: they are a second old, and noise decides.
_LOAD_STEP = 0.1


def least_loaded(workers: Iterable[WorkerStatus], draw: float) -> WorkerId:
    """The ready worker with the least load, then the fewest sessions.

    `draw`, in [0, 1), picks one of equals, so that a burst between two heartbeats does not pile up on one.
    Raises `ServiceError` NO_WORKER when none is ready.
    """
    ready = [worker for worker in workers if worker.state is WorkerState.READY]
    if not ready:
        raise ServiceError(ErrorCode.NO_WORKER, detail="no worker is ready")
    least = min(map(_burden, ready))
    equals = [worker for worker in ready if _burden(worker) == least]
    return WorkerId(equals[int(draw * len(equals))].id)


def _burden(worker: WorkerStatus) -> tuple[int, int]:
    return int(worker.load / _LOAD_STEP), worker.sessions
