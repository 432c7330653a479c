"""Publishing and watching in the browser: what the pages do, and what they report."""

import pytest
from playwright.async_api import Browser

from tests.e2e.pages.conftest import PRIVATE_ROOM, PRIVATE_TOKEN
from tests.support.browser import open_publish_page, open_watch_page
from tests.support.system import System

WATCH_SECONDS = 20.0

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_viewer_waits_for_a_room_that_comes_later_and_comes_back(
    system: System, browser: Browser
) -> None:
    url = system.controls[0].url
    async with (
        await open_watch_page(browser, url, "later") as viewer,
        await open_publish_page(browser, url, "later") as publisher,
    ):
        await viewer.tells("later is not live yet.")
        for _ in range(2):
            await publisher.publish()
            await publisher.tells("Live in later.")
            await viewer.tells("Watching later.")
            await viewer.sees_and_hears(WATCH_SECONDS, frames=20)
            await publisher.stop()
            await publisher.tells("Not publishing.")
            await viewer.tells("later is no longer live.", within=8)
            await system.room_gone("later", within=5)


async def test_tokens_are_asked_for_in_words_and_stay_out_of_the_address(
    system: System, browser: Browser
) -> None:
    url = system.controls[0].url
    async with await open_publish_page(browser, url, PRIVATE_ROOM, expected_statuses=[401]) as page:
        await page.publish()
        await page.tells("private requires a token.")
        await page.enter_token("wrong")
        await page.tells("The token is wrong for private.")
        await page.enter_token(PRIVATE_TOKEN)
        await page.tells("Live in private.")
        assert PRIVATE_TOKEN not in page.page.url


async def test_a_second_publisher_is_told_that_the_room_is_taken(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "taken") as first,
        await open_publish_page(browser, url, "taken", expected_statuses=[409]) as second,
    ):
        await first.publish()
        await first.tells("Live in taken.")
        await second.publish()
        await second.tells("Somebody else publishes in taken.")


async def test_leaving_the_page_ends_what_it_published(system: System, browser: Browser) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "left") as page:
        await page.publish()
        await page.tells("Live in left.")
        await page.page.goto("about:blank")
        await system.room_gone("left", within=5)
