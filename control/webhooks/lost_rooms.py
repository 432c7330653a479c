"""Ends the broadcasts whose end nobody tells: their workers died, or Redis lost what they told.

A worker lives while its heartbeats come. Its broadcasts live while these come from the same process, and the
worker holds their rooms: a worker that was started again has lost them.
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
from shared.names import RoomName, WorkerId
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0
DEAD_SECONDS = 3.0  # without a heartbeat or a claim in Redis, where these stay for 5 and 4 s: then it is over
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
        self._gone_since: dict[str, float] = {}  # broadcasts

    async def run(self) -> None:
        try:
            while True:
                await self._turn()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._lease.give_back()

    async def _turn(self) -> None:
        try:
            await self._watch.check_settled()  # workers that live may not be in the directory yet
            if await self._lease.take():
                await self._look(monotonic())
        except (RedisError, OSError, ServiceError):
            self._gone_since.clear()
        except Exception:
            log.exception("rooms of lost workers were not looked for")

    async def _look(self, now: float) -> None:
        under_way = await self._queue.broadcasts()
        workers = {WorkerId(broadcast.worker) for _, broadcast in under_way}
        statuses = await self._directory.statuses(workers)
        owners = await self._directory.room_owners([RoomName(room) for room, _ in under_way])
        processes = {worker: status.rooms_version.partition(":")[0] for worker, status in statuses.items()}
        before, self._gone_since = self._gone_since, {}
        for room, broadcast in under_way:
            worker = WorkerId(broadcast.worker)
            process = processes.get(worker)
            is_former = bool(process) and process != _process(broadcast)
            if process is None or owners[RoomName(room)] != worker:
                self._gone_since[broadcast.id] = before.get(broadcast.id, now)
            if is_former or now - self._gone_since.get(broadcast.id, now) >= DEAD_SECONDS:
                log.info("room ended, and its worker did not tell it", room=room, worker=worker)
                await self._queue.end(room, broadcast, self._unix_clock(), REASON)


def _process(broadcast: Broadcast) -> str:
    return broadcast.id.partition("-")[0]
