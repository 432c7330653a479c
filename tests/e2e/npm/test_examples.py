"""The package, installed in a fresh folder: its examples publish and play, on a site of another origin."""

from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser

from tests.e2e.pages.conftest import PRIVATE_ROOM, PRIVATE_TOKEN
from tests.support.aiortc_client import publisher
from tests.support.plain_page import open_example
from tests.support.system import System
from tests.support.waiting import eventually

SEE_SECONDS = 30.0

# npm installs what the examples use, from its registry. The package itself is looked at in test_package.py,
# and what it is made of plays in e2e/pages.
pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.asyncio(loop_scope="session")]


async def test_the_plain_example_publishes_and_the_react_one_plays(
    system: System, browser: Browser, examples: str
) -> None:
    """In React's strict mode, which takes each component off the page once, and puts it back."""
    source = f"{examples}react/?{urlencode({'src': system.whep('first')})}"
    async with await open_example(browser, f"{examples}plain/") as publishing:
        await publishing.start("publish", whip=system.whip("first"))
        await publishing.becomes("published", "live")
        async with publisher(system.http, system.whip("other")), await open_example(browser, source) as tab:
            await tab.becomes("played", "live")
            await tab.unmute()
            await tab.sees_and_hears(SEE_SECONDS, frames=20)
            await _has_viewers(system, first=1, other=0)
            await tab.page.fill("input[type=url]", "https://")
            await tab.page.press("input[type=url]", "Enter")  # no address yet: it plays on
            await tab.becomes("played", "live")
            await tab.page.fill("input[type=url]", system.whep("other"))
            await tab.page.press("input[type=url]", "Enter")
            await _has_viewers(system, first=0, other=1)
            await tab.becomes("played", "live")
            await tab.pictures()
        await publishing.page.evaluate(
            "window.sent = connections.at(-1).getSenders().map(({ track }) => track)"
        )
        await publishing.start("stop")
        await publishing.becomes("published", "stopped")
        assert await publishing.page.evaluate("sent.map(({ readyState }) => readyState)") == ["ended"] * 2
        await system.room_gone("first", within=5)


async def test_the_plain_example_plays_too(system: System, browser: Browser, examples: str) -> None:
    async with await open_example(browser, f"{examples}plain/") as tab:
        await tab.start("publish", whip=system.whip("plain"))
        await tab.becomes("published", "live")
        await tab.start("play", whep=system.whep("plain"))
        await tab.becomes("played", "live")
        await tab.unmute()
        await tab.sees_and_hears(SEE_SECONDS, frames=20)


async def test_a_refusal_has_its_status_in_the_package_too(
    system: System, browser: Browser, examples: str
) -> None:
    async with await open_example(browser, f"{examples}plain/", [401]) as tab:
        await tab.start("publish", whip=system.whip(PRIVATE_ROOM), token="wrong")
        await tab.becomes("published", "failed (401: ")
        await tab.start("publish", token=PRIVATE_TOKEN)
        await tab.becomes("published", "live")


async def test_who_may_not_use_the_camera_is_told(browser: Browser, examples: str) -> None:
    async with await open_example(browser, f"{examples}plain/") as tab:
        await tab.page.evaluate(
            """() => {
                const refuse = async () => { throw new DOMException('Permission denied'); };
                navigator.mediaDevices.getUserMedia = refuse;
            }"""
        )
        await tab.start("publish")
        await tab.becomes("published", "failed (Permission denied)")


async def _has_viewers(system: System, **counts: int) -> None:
    async def counted() -> bool:
        rooms = await system.rooms()
        return {name: rooms[name]["subscribers"] for name in counts} == counts

    await eventually(f"viewers {counts}", counted, within=5)
