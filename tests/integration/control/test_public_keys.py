"""JWTs of public keys over HTTP: in the settings, in a file, and at a URL that rolls its keys and dies."""

import time
from typing import Any

import httpx
import pytest

from control.access import key_set as key_set_module
from tests.integration.control.conftest import Stage
from tests.support.jwks_server import JwksServer
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.signing_keys import SigningKey, key_set, signing_key
from tests.support.waiting import eventually

FIRST, SECOND, THIRD = (
    signing_key(kind, kid) for kind, kid in (("RS256", "first"), ("ES256", "second"), ("EdDSA", "third"))
)


def token(key: SigningKey, **claims: Any) -> str:
    return key.sign({"exp": int(time.time()) + 600} | claims)


async def show(http: httpx.AsyncClient, text: str) -> httpx.Response:
    """204 for a token that publishes in the room demo; asks no worker."""
    session = "/api/whip/publish/demo/w1." + "x" * 22
    return await http.get(session, headers={"Authorization": f"Bearer {text}"})


async def test_a_key_rolls_and_then_its_server_dies(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_set_module, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(key_set_module, "REFRESH_SECONDS", 0.1)
    await stage.worker()
    async with JwksServer(key_set(FIRST)) as server:
        http = await stage.control(jwt_jwks_url=server.url)

        async def status(key: SigningKey) -> int:
            return (await show(http, token(key))).status_code

        async def becomes(key: SigningKey, expected: int) -> None:
            async def is_so() -> bool:
                return await status(key) == expected

            await eventually(f"{key.kid} gets {expected}", is_so, 5.0)

        assert (await status(FIRST), await status(SECOND)) == (204, 401)
        server.body = key_set(SECOND)
        await becomes(SECOND, 204)

        await server.die()
        await becomes(THIRD, 503)
        refused = await show(http, token(THIRD))
        assert refused.json() == {"error": "credentials cannot be verified now"}
        assert refused.headers["Retry-After"] == "5"
        assert await status(SECOND) == 204
        assert (await http.get("/api/rooms", headers={"X-Auth-Token": token(THIRD)})).status_code == 200
        offered = await post_offer(http, "/api/whip/publish/demo", PUBLISH_OFFER, token(THIRD))
        assert offered.status_code == 503
        offered = await post_offer(http, "/api/whip/publish/demo", PUBLISH_OFFER, token(SECOND))
        assert offered.status_code == 201
        assert (await show(http, "no-jwt")).status_code == 401

        lines = (await http.get("/metrics")).text.splitlines()
        age = next(line for line in lines if line.startswith("roomcast_key_set_age_seconds "))
        assert 0 < float(age.split()[1]) < 60


async def test_control_starts_and_takes_other_credentials_while_the_set_is_away(stage: Stage) -> None:
    async with JwksServer(key_set(FIRST)) as server:
        await server.die()
        http = await stage.control(jwt_jwks_url=server.url, auth_token="plain")
        assert (await show(http, "plain")).status_code == 204
        assert (await show(http, token(FIRST))).status_code == 503
        assert (await show(http, "wrong")).status_code == 401
