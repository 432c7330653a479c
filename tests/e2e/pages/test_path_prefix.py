"""Pages below a path prefix that a proxy removes without a header for the server."""

import pytest
from playwright.async_api import Browser, Route

from tests.support.aiortc_client import publisher
from tests.support.browser import LIVE_SECONDS, WatchPage
from tests.support.system import System

PREFIX = "/live/tv"

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_home_and_watch_work_below_a_prefix(system: System, browser: Browser) -> None:
    url = system.controls[0].url

    async def proxy(route: Route) -> None:
        await route.continue_(url=route.request.url.replace(PREFIX, "", 1))

    async with publisher(system.http, system.whip("prefixed")), WatchPage(await browser.new_page()) as opened:
        await opened.page.route(f"{url}{PREFIX}/**", proxy)
        await opened.page.goto(f"{url}{PREFIX}/")
        await opened.page.get_by_role("link", name="prefixed").click(timeout=1000 * LIVE_SECONDS)
        await opened.page.wait_for_url(f"{url}{PREFIX}/watch/prefixed")
        await opened.tells("Watching prefixed.")
        await opened.pictures()
        await opened.page.get_by_role("link", name="Recordings").click()
        await opened.page.wait_for_url(f"{url}{PREFIX}/recordings")
        await opened.page.get_by_role("link", name="Live").click()
        await opened.page.wait_for_url(f"{url}{PREFIX}/")
