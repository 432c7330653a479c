"""Ends the broadcasts of workers that died: they cannot tell it themselves.

A worker lives while its heartbeats come, and its broadcasts live while they come from the same process: a
worker that was started again has lost its rooms.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from redis.exceptions import RedisError

from control.workers.redis_watch import RedisWatch
from shared.bus.lease import Lease
from shared.directory.directory import Directory
from shared.errors import ServiceError
from shared.events.event_log import Broadcast
from shared.events.event_queue import EventQueue
from shared.names import WorkerId
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0
DEAD_SECONDS = 3.0  # without a heartbeat in Redis, where one stays for 5 s: then its worker is dead
REASON = "worker_lost"

log = get_logger()


class LostRooms:
    """`run` looks for lost rooms until cancelled, while this process has the lease."""

    def __init__(
        self,
        directory: Directory,
        queue: EventQueue,
        lease: Lease,
        watch: RedisWatch,
        unix_clock: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._queue = queue
        self._lease = lease
        self._watch = watch
        self._unix_clock = unix_clock
        self._silent_since: dict[str, float] = {}  # workers

    async def run(self) -> None:
        try:
            while True:
                await self._turn()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._lease.give_back()

    async def _turn(self) -> None:
        try:
            self._watch.check()
            await self._watch.check_settled()  # workers that live may not be in the directory yet
            if await self._lease.take():
                await self._look(monotonic())
        except (RedisError, OSError, ServiceError):
            self._silent_since.clear()
        except Exception:
            log.exception("rooms of lost workers were not looked for")

    async def _look(self, now: float) -> None:
        under_way = await self._queue.broadcasts()
        workers = {WorkerId(broadcast.worker) for _, broadcast in under_way}
        statuses = await self._directory.statuses(workers)
        self._silent_since = {
            worker: self._silent_since.get(worker, now) for worker in workers - statuses.keys()
        }
        dead = {worker for worker, since in self._silent_since.items() if now - since >= DEAD_SECONDS}
        processes = {worker: status.rooms_version.partition(":")[0] for worker, status in statuses.items()}
        for room, broadcast in under_way:
            process = processes.get(WorkerId(broadcast.worker))
            if broadcast.worker in dead or (process and process != _process(broadcast)):
                log.info("room ended with its worker", room=room, worker=broadcast.worker)
                await self._queue.end(room, broadcast, self._unix_clock(), REASON)


def _process(broadcast: Broadcast) -> str:
    return broadcast.id.partition("-")[0]
