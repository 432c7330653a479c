"""The first page: what it does, and what it tells people."""

import pytest

from tests.support.browser import chromium, open_first_page
from tests.support.system import running_system

WATCH_SECONDS = 20.0
TOKEN = "open-sesame"

pytestmark = pytest.mark.e2e


async def test_one_page_publishes_and_watches_and_stops(redis_url: str) -> None:
    async with (
        running_system(redis_url) as system,
        chromium() as browser,
        await open_first_page(browser, system.controls[0].url, "studio") as page,
    ):
        await page.screenshot("page-idle")
        await page.publish()
        await page.tells("publish", "Live in studio.")
        await page.watch()
        await page.tells("watch", "Watching studio.")
        await page.sees_and_hears(WATCH_SECONDS, frames=20)
        await page.screenshot("page-live")
        await page.page.emulate_media(color_scheme="dark")
        await page.page.set_viewport_size({"width": 390, "height": 844})
        await page.screenshot("page-live-dark-phone")
        await page.stop("watch")
        await page.tells("watch", "Not watching.")
        await page.stop("publish")
        await page.tells("publish", "Not publishing.")
        await system.room_gone("studio", within=5)


async def test_a_viewer_waits_for_a_room_that_comes_later_and_comes_back(redis_url: str) -> None:
    async with running_system(redis_url) as system, chromium() as browser:
        url = system.controls[0].url
        async with (
            await open_first_page(browser, url, "later", expected_statuses=[404]) as viewer,
            await open_first_page(browser, url, "later") as publisher,
        ):
            await viewer.watch()
            await viewer.tells("watch", "Nobody publishes in later yet.")
            await viewer.screenshot("page-waiting")
            for _ in range(2):
                await publisher.publish()
                await viewer.tells("watch", "Watching later.")
                await viewer.sees_and_hears(WATCH_SECONDS, frames=20)
                await publisher.stop("publish")
                await viewer.tells("watch", "Waiting", within=5)
                await system.room_gone("later", within=5)


async def test_tokens_are_asked_for_in_words_and_stay_out_of_the_address(redis_url: str) -> None:
    async with (
        running_system(redis_url, AUTH_TOKEN=TOKEN) as system,
        chromium() as browser,
        await open_first_page(browser, system.controls[0].url, "private", expected_statuses=[401]) as page,
    ):
        await page.publish()
        await page.tells("publish", "This room asks for a token.")
        await page.watch()
        await page.tells("watch", "This room asks for a token.")
        await page.enter_token("wrong")
        await page.publish()
        await page.tells("publish", "The token is wrong for this room.")
        await page.screenshot("page-wrong-token")
        await page.enter_token(TOKEN)
        await page.publish()
        await page.tells("publish", "Live in private.")
        assert TOKEN not in page.page.url


async def test_a_second_publisher_is_told_that_the_room_is_taken(redis_url: str) -> None:
    async with running_system(redis_url) as system, chromium() as browser:
        url = system.controls[0].url
        async with (
            await open_first_page(browser, url, "taken") as first,
            await open_first_page(browser, url, "taken", expected_statuses=[409]) as second,
        ):
            await first.publish()
            await first.tells("publish", "Live in taken.")
            await second.publish()
            await second.tells("publish", "Somebody else publishes in taken.")


async def test_leaving_the_page_ends_what_it_published(redis_url: str) -> None:
    async with running_system(redis_url) as system, chromium() as browser:
        url = system.controls[0].url
        async with await open_first_page(browser, url, "left") as page:
            await page.publish()
            await page.tells("publish", "Live in left.")
            await page.page.goto("about:blank")
            await system.room_gone("left", within=5)


async def test_people_are_told_when_an_admin_closes_their_room(redis_url: str) -> None:
    async with (
        running_system(redis_url, ADMIN_TOKEN=TOKEN) as system,
        chromium() as browser,
        await open_first_page(browser, system.controls[0].url, "closed", expected_statuses=[404]) as page,
    ):
        await page.publish()
        await page.tells("publish", "Live in closed.")
        await page.watch()
        await page.tells("watch", "Watching closed.")
        closed = await system.http.post(
            f"{system.controls[0].url}/api/admin/rooms/closed/close", headers={"X-Auth-Token": TOKEN}
        )
        assert closed.status_code == 200
        await page.tells("publish", "the server ended the session", within=5)
        await page.tells("watch", "Waiting", within=5)
