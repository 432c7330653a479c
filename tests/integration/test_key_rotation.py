"""A new JWT secret under a running publisher: nobody notices who does not use the old one."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import jwt

from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.system import System, running_system
from tests.support.waiting import eventually

OLD = "an-old-secret-of-at-least-thirty-two-bytes"
NEW = "a-new-secret-of-at-least-thirty-two-bytes"
START_SECONDS = 20.0


def token(secret: str) -> str:
    return jwt.encode({"exp": int(time.time()) + 600, "sub": "ann"}, secret, "HS256")


async def give(system: System, **settings: str) -> None:
    """Restart the control processes one by one, with these settings."""
    for member in system.controls:
        member.process.terminate()
        await asyncio.to_thread(member.process.wait, START_SECONDS)
        member.environment = {**member.environment, **settings}
        member.restart()

        async def ready(url: str = member.url) -> bool:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
                writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
                status = await reader.readline()
                writer.close()
                return b" 200 " in status
            return False

        await eventually(f"{member.name} is ready", ready, START_SECONDS)


@contextlib.asynccontextmanager
async def nobody_notices(system: System) -> AsyncIterator[None]:
    """The room's publisher and viewers stay, and it is the same room, while the block runs."""

    async def started() -> float:
        room = (await system.http.get(f"{system.controls[0].url}/api/rooms/demo")).json()
        assert room["hasPublisher"]
        return time.time() - float(room["uptime"])

    before = await started()
    yield
    assert abs(await started() - before) < 2


async def test_a_secret_is_rotated_under_a_running_publisher(redis_url: str) -> None:
    async with (
        running_system(redis_url, controls=2, JWT_SECRET=OLD) as system,
        publisher(system.http, system.whip("demo"), token(OLD)),
        viewer(system.http, system.whep("demo", 1), token(OLD)) as watching,
    ):
        await watching.received(within=15)

        async def answers(secret: str) -> set[int]:
            """Of an offer to publish in the same room: 409 if the credential is good."""
            return {
                (
                    await post_offer(system.http, system.whip("demo", one), PUBLISH_OFFER, token(secret))
                ).status_code
                for one in range(2)
            }

        assert (await answers(OLD), await answers(NEW)) == ({409}, {401})
        async with nobody_notices(system):
            await give(system, JWT_MORE_SECRETS=NEW)
            assert (await answers(OLD), await answers(NEW)) == ({409}, {409})
            await give(system, JWT_SECRET=NEW, JWT_MORE_SECRETS="")
            assert (await answers(OLD), await answers(NEW)) == ({401}, {409})
            watching.frames.clear()
            await watching.received(within=15)
        async with viewer(system.http, system.whep("demo"), token(NEW)) as newcomer:
            await newcomer.received(within=15)
