"""An outage of Redis is noted by whatever meets it: a beat, or what is told between two beats."""

import asyncio
from typing import Any

from redis.exceptions import RedisError
from structlog.testing import capture_logs

from media.worker.heartbeat import Heartbeat
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import WorkerId

WORKER = WorkerId("w1")


class World:
    """A worker without rooms, and its directory."""

    address = "127.0.0.1:6379"

    def __init__(self) -> None:
        self.is_away = False
        untyped: Any = self
        status = WorkerStatus(id=WORKER, state=WorkerState.READY, http_url="")
        self.heartbeat = Heartbeat(untyped, WORKER, lambda: status, untyped, lambda _: None)

    async def beat_with(self, *_: object) -> tuple[list[str], list[object]]:
        await self.tell()
        return [], []

    async def tell(self, *_: object) -> list[object]:
        if self.is_away:
            raise RedisError
        return []

    async def release_rooms(self, *_: object) -> None: ...

    async def leave(self, *_: object) -> None: ...

    def names(self) -> list[str]:
        return []

    def statuses(self, _: object = None) -> list[object]:
        return []


async def test_an_outage_is_logged_once_and_its_end_is() -> None:
    world = World()
    running = asyncio.create_task(world.heartbeat.run())
    await world.heartbeat.registered.wait()
    with capture_logs() as logs:
        for world.is_away in (False, True, True, False, False, True):  # told, told, beat, beat, told, told
            await world.heartbeat.flush()
    running.cancel()
    await asyncio.wait([running])
    away, back = "Redis is away: new offers fail, media continues", "Redis is back"
    assert [line["event"] for line in logs] == [away, back, away]
    assert {line["redis"] for line in logs} == {world.address}
    assert logs[1]["seconds"] >= 0
