"""One publisher and many viewers of one room."""

import asyncio
import contextlib

from tests.support.aiortc_client import publisher, viewer
from tests.support.system import running_system
from tests.support.waiting import eventually

VIEWERS = 20
RECEIVE_SECONDS = 30.0


async def test_twenty_viewers_all_receive(redis_url: str) -> None:
    async with running_system(redis_url) as system, contextlib.AsyncExitStack() as clients:
        await clients.enter_async_context(publisher(system.http, system.whip("many")))
        viewers = [viewer(system.http, system.whep("many")) for _ in range(VIEWERS)]
        await asyncio.gather(*(clients.enter_async_context(one) for one in viewers))
        await asyncio.gather(*(one.received(RECEIVE_SECONDS, video=20, audio=50) for one in viewers))

        async def all_counted() -> bool:
            return (await system.rooms())["many"]["subscribers"] == VIEWERS

        await eventually(f"{VIEWERS} subscribers are listed", all_counted, within=3)
