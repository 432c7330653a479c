"""With `SNAPSHOTS=0` a worker has no still pictures, and no decoder."""

import httpx
import psutil

from tests.support.aiortc_client import publisher, viewer
from tests.support.system import System, running_system

SOON = 20.0


async def still(http: httpx.AsyncClient, system: System, room: str) -> bytes | None:
    response = await http.get(f"{system.controls[0].url}/api/rooms/{room}/still")
    assert response.status_code in (200, 404), response.text
    return response.content if response.status_code == 200 else None


async def test_without_snapshots_a_live_room_has_no_picture_and_nothing_is_decoded(redis_url: str) -> None:
    async with (
        running_system(redis_url, SNAPSHOTS="0") as system,
        publisher(system.http, system.whip("dark")),
        viewer(system.http, system.whep("dark")) as watching,
    ):
        await watching.received(within=SOON, video=60)  # so there was a keyframe, two seconds ago
        assert not psutil.Process(system.workers[0].pid).children()
        assert await still(system.http, system, "dark") is None
