"""A JWT that an operator has revoked opens nothing any more, and ends what it has opened, everywhere."""

import asyncio
import time

from tests.integration.moderated import SOON, ask, moderated, token, worker_of
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
