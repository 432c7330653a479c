"""The package with servers that are not ours: on aiortc's peer connections, and on Pion.

They send the picture alone; their answers have neither ETag nor Link, and they take no PATCH.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.support.foreign_server import foreign_server
from tests.support.plain_page import PlainPage, open_example
from tests.support.waiting import eventually
from tools.bench.pion import built_pion_server

AIORTC = (sys.executable, "-m", "tools.bench.media_relay_server")
END_SECONDS = 10.0
SEE_SECONDS = 30.0

# npm installs what the examples use, from its registry. The package itself is looked at in test_package.py,
# and what it is made of plays in e2e/pages.
pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.asyncio(loop_scope="session")]


async def publish_and_play(tab: PlainPage, url: str) -> None:
    """And see it move."""
    await tab.start("publish", whip=f"{url}/whip/show")
    await tab.becomes("published", "live")
    await tab.start("play", whep=f"{url}/whep/show")
    await tab.becomes("played", "live")
    await tab.unmute()
    await tab.sees_and_hears(SEE_SECONDS, frames=10, silent=True)


async def walk(browser: Browser, site: str, command: Sequence[str], location: str) -> None:
    async with (
        foreign_server(command, location=location) as server,
        await open_example(browser, site) as tab,
    ):
        await publish_and_play(tab, server.url)
        assert server.requests == ["POST /whip/show", "POST /whep/show"]
        assert all("\na=candidate:" in offer for offer in server.offers)  # a server may need them
        # a session whose ICE cannot be restarted is replaced by a new one
        await tab.page.evaluate("dispatchEvent(new Event('online'))")

        async def replaced() -> bool:
            return server.sent("POST", "/whip/") == 2 and server.sent("POST", "/whep/") == 2

        await eventually("new sessions", replaced, END_SECONDS)
        await tab.becomes("published", "live")
        await tab.becomes("played", "live")
        await tab.sees_and_hears(SEE_SECONDS, frames=10, silent=True)
        await tab.start("stop")
        ended = 0 if location == "hidden" else 4  # each session, where a page can know its URL

        async def over() -> bool:
            return server.sent("DELETE", "/sessions/") == ended

        await eventually("ended sessions", over, END_SECONDS)
        assert len(server.requests) == 4 + ended, server.requests


@pytest.mark.parametrize("location", ["relative", pytest.param("absolute", marks=pytest.mark.soak), "hidden"])
async def test_it_publishes_and_plays_with_a_server_on_aiortc(
    browser: Browser, examples: str, location: str
) -> None:
    await walk(browser, f"{examples}plain/", AIORTC, location)


@pytest.mark.soak
async def test_it_publishes_and_plays_with_a_server_on_pion(
    browser: Browser, examples: str, tmp_path: Path
) -> None:
    await walk(browser, f"{examples}plain/", [str(built_pion_server(tmp_path))], "relative")


async def test_it_waits_for_a_publisher_at_another_server(browser: Browser, examples: str) -> None:
    async with (
        foreign_server(AIORTC) as server,
        await open_example(browser, f"{examples}plain/", [404]) as tab,
    ):
        await tab.start("play", whep=f"{server.url}/whep/show")
        await tab.becomes("played", "waiting (404: status 404)")
        await tab.start("publish", whip=f"{server.url}/whip/show")
        await tab.becomes("played", "live")
        await tab.unmute()
        await tab.sees_and_hears(SEE_SECONDS, frames=5, silent=True)
