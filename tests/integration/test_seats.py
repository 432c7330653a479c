"""Offers without a client take no seat from anybody else."""

import httpx

from tests.hostile.target import STRANGER
from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import PLAY_OFFER, post_offer
from tests.support.system import running_system


async def test_a_seat_that_nobody_connects_to_counts_for_its_own_client_alone(redis_url: str) -> None:
    settings = {"MAX_SUBS_PER_ROOM": "3", "MAX_VIEWERS_PER_CLIENT": "4"}
    async with running_system(redis_url, **settings) as system:
        transport = httpx.AsyncHTTPTransport(local_address=STRANGER)
        whip, whep = system.whip("demo"), system.whep("demo")
        async with (
            httpx.AsyncClient(transport=transport, timeout=10) as stranger,
            publisher(system.http, whip),
            publisher(system.http, system.whip("other")),
        ):

            async def offers(url: str, count: int) -> list[int]:
                return [(await post_offer(stranger, url, PLAY_OFFER)).status_code for _ in range(count)]

            assert await offers(whep, 4) == [201, 201, 201, 403]
            async with viewer(system.http, whep) as one, viewer(system.http, whep) as another:
                await one.received(within=15)
                await another.received(within=15)
                assert await offers(whep, 1) == [403]  # one seat is left to the stranger
                assert await offers(system.whep("other"), 4) == [201, 201, 201, 429]
