"""Logs each worker that dies or cannot reach Redis, and its return: once in each control process."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from shared.names import WorkerId
from shared.telemetry.logging import get_logger

MAX_NAMED_ROOMS = 20  # in one log line
REMEMBERED_SECONDS = 3600  # a worker that comes back later is a new one

log = get_logger()


class LostWorkers:
    """Takes what the directory says; times are Unix times by Redis' clock."""

    def __init__(self) -> None:
        self._heard_at: dict[WorkerId, float] = {}  # of those that are lost

    def lose(self, heard_at: Mapping[WorkerId, float], rooms: Mapping[WorkerId, Sequence[str]]) -> None:
        """Log those that had `rooms` and do not live any more.

        `heard_at` is when each was last heard. One that has left is not in it.
        """
        for worker in (rooms.keys() & heard_at.keys()) - self._heard_at.keys():
            self._heard_at[worker] = heard_at[worker]
            since = datetime.fromtimestamp(heard_at[worker], UTC).isoformat(timespec="seconds")
            _log_lost(worker, rooms[worker], since=since)

    def replace(self, worker: WorkerId, rooms: Sequence[str]) -> None:
        """Log one that had `rooms`, and died, and whose id another process has by now."""
        _log_lost(worker, rooms)
        log.info("worker is back", worker=worker)

    def find(self, living: Collection[WorkerId], now: float) -> None:
        """Log those of the lost ones that live again."""
        for worker in self._heard_at.keys() & set(living):
            log.info("worker is back", worker=worker, seconds=round(now - self._heard_at.pop(worker), 1))
        self._heard_at = {
            worker: at for worker, at in self._heard_at.items() if now - at < REMEMBERED_SECONDS
        }


def _log_lost(worker: WorkerId, rooms: Sequence[str], **facts: str) -> None:
    log.warning(
        "worker lost",
        worker=worker,
        rooms=list(rooms[:MAX_NAMED_ROOMS]),
        number_of_rooms=len(rooms),
        consequence="its publishers and viewers connect again, to other workers",
        **facts,
    )
