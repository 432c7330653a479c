"""New keys, and a callback that is away, under a running publisher: nobody notices who has got in."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import jwt
import pytest

from tests.support.aiortc_client import publisher, viewer
from tests.support.callback_server import callback_server
from tests.support.jwks_server import jwks_server
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.signing_keys import SigningKey, key_set, signing_key
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


@pytest.mark.soak  # control asks for the keys once in ten seconds
async def test_a_key_rolls_at_its_url_under_a_running_publisher(redis_url: str) -> None:
    old, new = signing_key("ES256", "old"), signing_key("EdDSA", "new")

    def signed(key: SigningKey) -> str:
        return key.sign({"exp": int(time.time()) + 600, "sub": "ann"})

    async with (
        jwks_server(key_set(old)) as server,
        running_system(redis_url, controls=2, JWT_JWKS_URL=server.url) as system,
        publisher(system.http, system.whip("demo"), signed(old)),
        viewer(system.http, system.whep("demo", 1), signed(old)) as watching,
    ):
        await watching.received(within=15)

        async def answers(key: SigningKey) -> set[int]:
            return {
                (
                    await post_offer(system.http, system.whip("demo", one), PUBLISH_OFFER, signed(key))
                ).status_code
                for one in range(2)
            }

        async def is_taken(key: SigningKey) -> bool:
            return await answers(key) == {409}

        assert await answers(new) == {401}
        async with nobody_notices(system):
            server.body = key_set(old, new)
            await eventually("the new key is taken", lambda: is_taken(new), 15)
            assert await answers(old) == {409}
            server.body = key_set(new)
            # a token of an unknown key has the set fetched
            other = signing_key("RS256", "unknown")

            async def is_gone() -> bool:
                await answers(other)
                return await answers(old) == {401}

            await eventually("the old key is gone", is_gone, 15)
            assert await answers(new) == {409}
            await server.die()
            assert (await answers(new), await answers(old)) == ({409}, {401})
            watching.frames.clear()
            await watching.received(within=15)


@pytest.mark.soak
async def test_a_callback_goes_away_under_a_running_publisher(redis_url: str) -> None:
    async with (
        callback_server() as callback,
        running_system(
            redis_url, controls=2, AUTH_URL=callback.url, AUTH_URL_SECONDS="0.5", AUTH_URL_CACHE_SECONDS="0"
        ) as system,
        publisher(system.http, system.whip("demo"), "ann") as sender,
        viewer(system.http, system.whep("demo", 1), "bob") as watching,
    ):
        await watching.received(within=15)
        async with nobody_notices(system):
            await callback.die()
            for one in range(2):
                answer = await post_offer(system.http, system.whip("other", one), PUBLISH_OFFER, "eve")
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
                assert answer.json() == {"error": "credentials cannot be verified now"}
            watching.frames.clear()
            await watching.received(within=15)
            await callback.start()
            async with viewer(system.http, system.whep("demo"), "joe") as newcomer:
                await newcomer.received(within=15)
        assert (await sender.delete()).status_code == 200  # its URL is credential enough
