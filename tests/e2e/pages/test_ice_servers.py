"""The pages with ICE servers that do not work: what they still do, and what they say."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route

from tests.support.aiortc_client import publisher
from tests.support.browser import OpenPage, open_publish_page, open_watch_page
from tests.support.certificate import new_certificate
from tests.support.coturn import credentials, running_coturn
from tests.support.system import System

REFUSED_URL = "turn:127.0.0.1:9"  # by every browser, without credentials; Firefox blocks the port, too
GIVE_UP_SECONDS = 30.0  # a page tries for 15 s

# Servers as pages give them, and functions that fail.
_GIVEN = """async () => {
    const { iceServersNow } = await import('/static/js/reconnecting.js');
    const servers = [{ urls: 'stun:127.0.0.1' }];
    const fails = () => { throw new Error('mine'); };
    const found = [];
    for (const given of [servers, () => servers, async () => servers, fails, async () => fails()]) {
        found.push(await iceServersNow(given).then((now) => now === servers, ({ name }) => name));
    }
    return found;
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def tell_servers(page: Page, *servers: dict[str, Any]) -> None:
    """Have control tell the page of these, as it would with other settings."""
    bootstrap = await page.evaluate("fetch('/api/bootstrap').then((response) => response.json())")

    async def answer(route: Route) -> None:
        await route.fulfill(json={**bootstrap, "iceServers": servers})

    await page.route("**/api/bootstrap?*", answer)
    await page.reload()


def console_of(page: Page) -> list[str]:
    """What it says from now on."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    return said


async def test_a_server_that_the_browser_refuses_costs_itself_only(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "picky") as sender,
        await open_watch_page(browser, url, "picky") as viewer,
    ):
        for opened in (sender, viewer):
            said = console_of(opened.page)
            good = {"urls": ["stun:127.0.0.1:3478"]}
            await tell_servers(opened.page, {"urls": [REFUSED_URL, "stun:127.0.0.1:3479"]}, good)
            if opened is sender:
                await sender.publish()
                await sender.tells("Live in picky.")
            else:
                await viewer.tells("Watching picky.")
                await viewer.pictures()
            given = await opened.page.evaluate("connections.at(-1).getConfiguration().iceServers")
            assert [server["urls"] for server in given] == [["stun:127.0.0.1:3479"], ["stun:127.0.0.1:3478"]]
            assert [text for text in said if REFUSED_URL in text and "left out" in text], said


async def test_a_function_that_gives_servers_may_be_async_or_not(system: System, browser: Browser) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/healthz")
        assert await opened.page.evaluate(_GIVEN) == [True, True, True, "NotConnected", "NotConnected"]


@pytest.mark.soak  # the browser takes a quarter of a minute to give up
@pytest.mark.parametrize(
    ("which", "lifetime", "words"),
    [
        ("udp", -60, "refuses the credentials: they are wrong or have expired"),
        ("tls", 60, "does not answer, or its certificate is not trusted"),
    ],
    ids=["expired", "untrusted"],
)
async def test_why_turn_does_not_serve_is_told_in_words(
    system: System, browser: Browser, tmp_path: Path, which: str, lifetime: float, words: str
) -> None:
    url = system.controls[0].url
    name, password = credentials(lifetime)
    async with (
        running_coturn(tmp_path, certificate=new_certificate(tmp_path)) as coturn,
        publisher(system.http, system.whip(f"seen-{which}")),
        # a session that never connects is gone before the page ends it
        await open_watch_page(
            browser, url, f"seen-{which}", expected_statuses=[404], relay_only=True
        ) as viewer,
        await open_publish_page(
            browser, url, f"sent-{which}", expected_statuses=[404], relay_only=True
        ) as sender,
    ):
        server = getattr(coturn, which)
        for page in (viewer.page, sender.page):
            await tell_servers(page, {"urls": [server], "username": name, "credential": password})
        await sender.publish()
        for opened in (viewer, sender):
            told = f"No connection through the network: the TURN server {server} {words}."
            await opened.tells(told, GIVE_UP_SECONDS)
            await opened.screenshot(f"turn-{which}-{type(opened).__name__}")
