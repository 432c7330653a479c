"""Which worker gets a new publisher or viewer, by the burden that the workers report. Does no I/O.

Publishers, and viewers of full rooms, go to the best of a few workers that Redis draws, which counts what all
control processes place meanwhile (`draw_workers.lua`). Here is what is decided among the workers of a room.
"""

from collections.abc import Collection, Iterable, Mapping

from shared.errors import ErrorCode, ServiceError
from shared.messages.status import WorkerState, WorkerStatus, burden
from shared.names import WorkerId


def viewer_worker(
    owner: WorkerId,
    holders: Mapping[WorkerId, WorkerStatus | None],
    refused: Collection[WorkerId],
    suspects: Collection[str],
    draw: float,
) -> WorkerId | None:
    """The worker for a viewer of a room among those that hold it; those in `refused` are full.

    The owner, as long as it takes viewers; then the least burdened worker that has a copy of the room, the
    `suspects` last. `draw`, in [0, 1), decides among equals. None: another one must get a copy. Without a
    status the owner was announced a moment ago, and another worker is dead.
    """
    status = holders.get(owner)
    if owner not in refused and (status is None or takes_viewers(status)):
        return owner
    copies = [
        status
        for worker, status in holders.items()
        if worker != owner and worker not in refused and status is not None and takes_viewers(status)
    ]
    by_id = sorted(copies, key=lambda worker: worker.id)
    turn = int(draw * len(by_id))
    in_turn = by_id[turn:] + by_id[:turn]
    best = min(in_turn, key=lambda worker: (worker.id in suspects, burden(worker)), default=None)
    return None if best is None else WorkerId(best.id)


def takes_viewers(worker: WorkerStatus) -> bool:
    return worker.state is WorkerState.READY and worker.takes_viewers


def nobody(workers: Iterable[WorkerStatus]) -> ServiceError:
    """The reason why no worker takes the client: `NO_WORKER` or `WORKER_FULL`."""
    if any(worker.state is WorkerState.READY for worker in workers):
        return ServiceError(ErrorCode.WORKER_FULL, detail="every worker is at its limit")
    return ServiceError(ErrorCode.NO_WORKER, detail="no worker is ready")
