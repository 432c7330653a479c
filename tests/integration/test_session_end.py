"""Every way to end a session: the room closes, its viewers are told, and the room is free again."""

import asyncio
import sys
import time
from pathlib import Path

import jwt

from deploy.tether import tethered
from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.system import System, running_system
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
CONSENT_SECONDS = 30.0  # RFC 7675 5.1
JWT_LEEWAY_SECONDS = 30.0
SOON = 3.0  # seconds: a heartbeat, and some for a busy machine
SECRET = "a-secret-of-at-least-thirty-two-bytes"


async def assert_free(system: System, room: str, token: str = "") -> None:
    answer = await post_offer(system.http, system.whip(room), PUBLISH_OFFER, token)
    assert answer.status_code == 201, answer.text


async def test_delete_by_the_publisher_ends_the_room_at_once(redis_url: str) -> None:
    async with (
        running_system(redis_url) as system,
        publisher(system.http, system.whip("deleted")) as sender,
        viewer(system.http, system.whep("deleted")) as receiver,
    ):
        await receiver.received(within=15)
        assert (await sender.delete()).status_code == 200
        await assert_free(system, "deleted")
        assert (await sender.delete()).status_code == 404
        await asyncio.gather(sender.ended(SOON), receiver.ended(SOON))


async def test_delete_by_a_viewer_ends_only_its_session(redis_url: str) -> None:
    async with (
        running_system(redis_url) as system,
        publisher(system.http, system.whip("stays")),
        viewer(system.http, system.whep("stays")) as leaving,
        viewer(system.http, system.whep("stays")) as staying,
    ):
        await leaving.received(within=15)
        assert (await leaving.delete()).status_code == 200
        await leaving.ended(SOON)
        await staying.received(within=15)

        async def one_left() -> bool:
            return (await system.rooms())["stays"]["subscribers"] == 1

        await eventually("one subscriber is left", one_left, SOON)


async def test_dtls_close_by_the_publisher_ends_the_room_after_the_grace(redis_url: str) -> None:
    async with running_system(redis_url, PUBLISHER_GRACE="2") as system:
        sender = publisher(system.http, system.whip("closed"))
        async with sender, viewer(system.http, system.whep("closed")) as receiver:
            await receiver.received(within=15)
            await sender.close()

            async def waits() -> bool:
                return not (await system.rooms())["closed"]["hasPublisher"]

            await eventually("the room waits", waits, SOON)
            await receiver.ended(2 + SOON)
            await system.room_gone("closed", SOON)
            await assert_free(system, "closed")


async def test_a_publisher_whose_room_was_closed_learns_it_from_its_late_delete(redis_url: str) -> None:
    async with (
        running_system(redis_url, ADMIN_TOKEN="chief") as system,
        publisher(system.http, system.whip("over")) as sender,
    ):
        close = f"{system.controls[0].url}/api/admin/rooms/over/close"
        assert (await system.http.post(close, headers={"X-Auth-Token": "chief"})).status_code == 200
        await sender.ended(SOON)
        late_delete = await sender.delete()
        assert (late_delete.status_code, late_delete.json()) == (200, {"reason": "room closed"})
        assert (await sender.delete()).status_code == 404


async def test_a_publisher_killed_without_a_word_loses_its_room_when_consent_expires(redis_url: str) -> None:
    async with running_system(redis_url) as system:
        command = [sys.executable, "-m", "tests.support.aiortc_client", system.whip("killed")]
        process = await asyncio.create_subprocess_exec(
            *tethered(command), stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        assert process.stdout
        assert await process.stdout.readline() == b"connected\n"
        async with viewer(system.http, system.whep("killed")) as receiver:
            await receiver.received(within=15)
            process.kill()
            await process.wait()
            killed = time.monotonic()
            await system.room_gone("killed", CONSENT_SECONDS + SOON)
            # its last consent check may have come some seconds before it was killed
            assert time.monotonic() - killed > CONSENT_SECONDS - 8
            await receiver.ended(SOON)
        await assert_free(system, "killed")


async def test_the_end_of_a_token_ends_the_session_that_it_opened(redis_url: str) -> None:
    async with running_system(redis_url, JWT_SECRET=SECRET) as system:
        # the token is accepted until the leeway has passed, and no longer
        ends_at = int(time.time() - JWT_LEEWAY_SECONDS) + 8
        token = jwt.encode({"exp": ends_at, "room": "short"}, SECRET, algorithm="HS256")
        long_token = jwt.encode({"exp": ends_at + 3600, "room": "short"}, SECRET, algorithm="HS256")
        async with (
            publisher(system.http, system.whip("short"), token) as sender,
            viewer(system.http, system.whep("short"), long_token) as receiver,
        ):
            await receiver.received(within=15)
            left = ends_at + JWT_LEEWAY_SECONDS - time.time()
            await sender.ended(left + SOON)
            await receiver.ended(SOON)
            await assert_free(system, "short", long_token)
