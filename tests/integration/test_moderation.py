"""What an operator revokes is revoked on every replica and every worker, at once."""

import asyncio
import time
from typing import Any

from tests.integration.cluster.stage import ADMIN
from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.system import running_system
from tests.support.tokens import SECRET, signed

SOON = 2.0  # what the issue promises for sessions of a revoked token


async def test_a_revoked_token_ends_its_sessions_on_every_worker_and_opens_nothing(redis_url: str) -> None:
    # an edge: the first worker takes one viewer, so that the others go to the second one
    settings = {"ADMIN_TOKEN": "chief", "JWT_SECRET": SECRET, "WORKER_MAX_VIEWERS": "2"}
    async with running_system(redis_url, controls=2, workers=2, **settings) as system:
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
            revocations = f"{system.controls[0].url}/api/admin/revocations"
            answer = await system.http.post(revocations, json={"jti": "e1"}, headers=ADMIN)
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


def token(**claims: Any) -> str:
    return signed(iat=int(time.time()), **claims)


def worker_of(session_url: str) -> str:
    return session_url.rpartition("/")[2].partition(".")[0]
