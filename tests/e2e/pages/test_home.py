"""The home page: the live rooms, and the forms that lead to a room."""

import pytest
from playwright.async_api import Browser

from tests.support.aiortc_client import publisher
from tests.support.browser import open_home_page
from tests.support.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_live_rooms_come_and_go_without_a_reload(system: System, browser: Browser) -> None:
    async with await open_home_page(browser, system.controls[0].url) as home:
        await home.shows("Nobody is live")
        async with publisher(system.http, system.whip("studio")) as client:
            link = home.page.get_by_role("link", name="studio")
            await link.wait_for(timeout=10_000)
            await home.shows("1 room, 0 viewers.")
            await home.shows("VP8")
            await home.page.locator(".room img:not([hidden])").wait_for()
            assert await home.page.evaluate("document.querySelector('.room img').naturalWidth") > 100
            assert await link.get_attribute("href") == "watch/studio"
            await client.delete()
        await home.shows("Nobody is live")


async def test_forms_lead_to_a_room(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    for button, page in (("Watch", "watch"), ("Publish", "publish")):
        async with await open_home_page(browser, url) as home:
            await home.page.get_by_label("Name of a room").fill("not a name")
            await home.page.get_by_role("button", name=button).click()
            assert home.page.url == f"{url}/"
            await home.page.get_by_label("Name of a room").fill("a-room")
            await home.page.get_by_role("button", name=button).click()
            await home.page.wait_for_url(f"{url}/{page}/a-room")
