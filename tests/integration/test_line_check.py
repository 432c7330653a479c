"""A publisher that only tries its line (`?check=true`): nobody else notices it."""

import os
from pathlib import Path

from redis.asyncio import Redis

from tests.support.aiortc_client import publisher
from tests.support.system import running_system
from tests.support.waiting import eventually

TOKEN = "open-sesame"
ADMIN = {"Authorization": "Bearer secret-of-admin"}


async def test_a_check_sends_media_and_nobody_notices(redis_url: str, redis: Redis, tmp_path: Path) -> None:
    settings = {
        "ROOM_TOKENS": f"demo:{TOKEN};stage:{TOKEN}",
        "ADMIN_TOKEN": "secret-of-admin",
        "RECORD_ENABLED": "1",
        "RECORD_DIR": str(tmp_path),
        "MAX_ROOMS": "1",
    }
    async with running_system(redis_url, **settings) as system:
        admin = system.controls[0].url + "/api/admin/sessions"

        async def received() -> bool:
            [session] = (await system.http.get(admin, headers=ADMIN)).json()["sessions"]
            return session["packets"] > 20

        async def nothing_left() -> bool:
            return not [key for key in await redis.keys("*") if b"~" in key or b"checks" in key]

        async with (
            publisher(system.http, system.whip("demo") + "?check=true", TOKEN) as checking,
            publisher(system.http, system.whip("demo") + "?check=true", TOKEN) as another,  # replaces it
        ):
            assert "/api/whip/publish/demo/" in checking.session_url
            await eventually("its media is received", received, within=15)
            assert await system.rooms() == {}
            workers = (await system.http.get(system.controls[0].url + "/api/workers", headers=ADMIN)).json()
            assert workers[0]["rooms"] == []
            async with publisher(system.http, system.whip("stage"), TOKEN):  # the place of a room is free
                await system.room_live("stage", within=15)
            for url, status in ((checking.session_url, 404), (another.session_url, 200)):
                answer = await system.http.delete(url, headers={"Authorization": f"Bearer {TOKEN}"})
                assert answer.status_code == status
        await eventually("nothing is left of it", nothing_left, within=5)
        assert not [name for name in os.listdir(tmp_path) if name.startswith("demo")]
        refused = await system.http.post(system.whip("demo") + "?check=true", content=b"v=0")
        assert refused.status_code == 401
