"""A JWT that an operator has revoked opens nothing any more, and ends what it has opened, everywhere."""

import asyncio
import time

import jwt
import pytest

from tests.integration.moderated import SECRET, SOON, ask, moderated, token, worker_of
from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer


async def test_a_revoked_token_ends_its_sessions_on_every_worker_and_opens_nothing(redis_url: str) -> None:
    # an edge: the first worker takes one viewer, so that the others go to the second one
    async with moderated(redis_url, WORKER_MAX_VIEWERS="2") as system:
        good, bad = token(sub="ann"), token(sub="eve", jti="e1")
        async with (
            publisher(system.http, system.whip("demo"), good) as ann,
            viewer(system.http, system.whep("demo"), bad) as at_origin,
            viewer(system.http, system.whep("demo"), good) as stays,
            viewer(system.http, system.whep("demo", 1), bad) as at_edge,
            publisher(system.http, system.whip("other"), bad) as eve,
        ):
            await asyncio.gather(*(one.received(within=20) for one in (at_origin, stays, at_edge)))
            assert worker_of(at_origin.session_url) == worker_of(ann.session_url)
            assert worker_of(at_edge.session_url) != worker_of(ann.session_url)
            began = time.monotonic()
            answer = await ask(system, "POST", "revocations", json={"jti": "e1"})
            assert answer.status_code == 201, answer.text
            assert answer.json()["sessions"] == 3
            await asyncio.gather(*(one.ended(SOON) for one in (at_origin, at_edge, eve)))
            assert time.monotonic() - began < SOON
            for control in (0, 1):
                for url, offer in (
                    (system.whip("third", control), PUBLISH_OFFER),
                    (system.whep("demo", control), PLAY_OFFER),
                ):
                    refused = await post_offer(system.http, url, offer, bad)
                    assert (refused.status_code, refused.json()["detail"]) == (401, "the JWT was revoked")
            stays.frames.clear()
            await stays.received(within=15)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("ask_for", "claims"),
    [
        ({"subject": "eve"}, {"sub": "eve"}),
        ({"issued_before": int(time.time()) - 60}, {"iat": int(time.time()) - 61}),
        ({"issued_before": int(time.time()) - 60}, {"iat": None}),
    ],
    ids=["subject", "issued before", "nobody knows when"],
)
async def test_tokens_are_revoked_together(
    redis_url: str, ask_for: dict[str, object], claims: dict[str, object]
) -> None:
    claims = {name: value for name, value in ({"iat": int(time.time())} | claims).items() if value}
    bad = jwt.encode({"exp": int(time.time()) + 600, **claims}, SECRET, "HS256")
    async with moderated(redis_url) as system:
        answer = await post_offer(system.http, system.whip("demo"), PUBLISH_OFFER, bad)
        assert answer.status_code == 201
        revoked = (await ask(system, "POST", "revocations", json=ask_for)).json()
        (listed,) = (await ask(system, "GET", "revocations", control=1)).json()["revocations"]
        assert listed == {name: revoked[name] for name in listed}
        assert await system.rooms() == {}
        for control in (0, 1):
            url = system.whip("demo", control)
            assert (await post_offer(system.http, url, PUBLISH_OFFER, bad)).status_code == 401
        path = f"revocations/{revoked['id']}"
        assert (await ask(system, "DELETE", path, control=1)).status_code == 200
        assert (await ask(system, "DELETE", path)).status_code == 404
        assert (await post_offer(system.http, system.whip("demo", 1), PUBLISH_OFFER, bad)).status_code == 201
