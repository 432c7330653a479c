"""The watch page: sound, figures, keyboard shortcuts, tokens and changes of the network."""

import pytest
from playwright.async_api import Browser, Response

from tests.e2e.pages.conftest import PRIVATE_ROOM, PRIVATE_TOKEN
from tests.support.aiortc_client import publisher
from tests.support.browser import open_publish_page, open_watch_page
from tests.support.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_it_plays_muted_at_once_and_one_tap_gives_sound(system: System, browser: Browser) -> None:
    async with (
        publisher(system.http, system.whip("sound")),
        await open_watch_page(browser, system.controls[0].url, "sound") as viewer,
    ):
        await viewer.tells("Watching sound.")
        await viewer.pictures()
        assert await viewer.video("muted")
        button = viewer.page.get_by_role("button", name="Turn sound on")
        await button.click()
        assert not await viewer.video("muted")
        assert not await viewer.video("paused")
        await viewer.page.get_by_role("button", name="Turn sound off").wait_for()
        await viewer.page.keyboard.press("m")
        assert await viewer.video("muted")


async def test_it_shows_who_watches_and_on_demand_how_well(system: System, browser: Browser) -> None:
    async with (
        publisher(system.http, system.whip("figures")),
        await open_watch_page(browser, system.controls[0].url, "figures") as viewer,
    ):
        await viewer.page.get_by_text("1 viewer").wait_for()
        figures = viewer.page.locator("#figures")
        assert not await figures.is_visible()
        await viewer.page.keyboard.press("i")
        for text in ("160 × 120", "VP8, Opus", "kbit/s", "Delay"):
            await figures.get_by_text(text).wait_for()
        await viewer.page.get_by_role("button", name="Statistics").click()
        assert not await figures.is_visible()
        await viewer.page.keyboard.press("?")
        await viewer.page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()


async def test_a_viewer_without_the_right_token_is_asked_for_it(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        publisher(system.http, system.whip(PRIVATE_ROOM), PRIVATE_TOKEN),
        await open_watch_page(browser, url, PRIVATE_ROOM, expected_statuses=[401]) as viewer,
    ):
        await viewer.tells("private requires a token.")
        await viewer.enter_token("wrong")
        await viewer.tells("The token is wrong for private.")
        await viewer.enter_token(PRIVATE_TOKEN)
        await viewer.tells("Watching private.")
        assert PRIVATE_TOKEN not in viewer.page.url
        await viewer.page.reload()
        await viewer.tells("Watching private.")  # without a question


async def test_a_change_of_network_keeps_the_session(system: System, browser: Browser) -> None:
    async with (
        publisher(system.http, system.whip("moving")),
        await open_watch_page(browser, system.controls[0].url, "moving") as viewer,
    ):
        await viewer.tells("Watching moving.")
        await viewer.pictures()

        def is_restart(response: Response) -> bool:
            return response.request.method == "PATCH"

        async with viewer.page.expect_response(is_restart) as restart:
            await viewer.page.evaluate("dispatchEvent(new Event('online'))")
        assert (await restart.value).status == 200
        await viewer.tells("Watching moving.")
        await viewer.pictures()
        assert await viewer.page.evaluate("connections.length") == 1
        # or the sound would be in one channel from here on
        assert "stereo=1" in await viewer.page.evaluate("connections[0].localDescription.sdp")


async def test_a_page_that_the_browser_shows_again_plays_again(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "again") as publisher,
        await open_watch_page(browser, url, "again") as viewer,
    ):
        await publisher.publish()
        await viewer.pictures()
        await viewer.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
        await viewer.tells("Stopped.")
        await viewer.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        await viewer.pictures()


async def test_what_is_no_name_of_a_room_is_told(system: System, browser: Browser) -> None:
    async with await open_watch_page(browser, system.controls[0].url, "not%20a%20name") as viewer:
        await viewer.page.get_by_text("That is not the name of a room").wait_for()
