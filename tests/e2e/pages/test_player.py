"""The player on a page: blocked and closed rooms, titles, and its controls by mouse and by finger."""

from typing import Any

import pytest
from playwright.async_api import Browser

from tests.e2e.pages.conftest import ADMIN_TOKEN, PRIVATE_ROOM, PRIVATE_TOKEN
from tests.support.aiortc_client import publisher
from tests.support.barriers import DEVICES
from tests.support.browser import OpenPage, WatchPage, open_watch_page
from tests.support.system import System

ADMIN = {"X-Auth-Token": ADMIN_TOKEN}
PAUSED = "document.querySelector('video').paused"
# every text that the line of words had, from now on
NOTE_WORDS = """() => {
    const line = document.querySelector('#status');
    window.words = [line.textContent];
    const note = () => window.words.push(line.textContent);
    new MutationObserver(note).observe(line, { childList: true, characterData: true, subtree: true });
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def operate(system: System, method: str, path: str, **body: Any) -> None:
    url = f"{system.controls[0].url}/api/admin/{path}"
    answer = await system.http.request(method, url, headers=ADMIN, json=body or None)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("page", ["watch", "embed"])
async def test_a_blocked_room_says_so_and_why(system: System, browser: Browser, page: str) -> None:
    room = f"blocked-{page}"
    async with WatchPage(await browser.new_page()) as viewer, publisher(system.http, system.whip(room)):
        await viewer.page.goto(f"{system.controls[0].url}/{page}/{room}")
        await viewer.tells(f"Watching {room}.")
        await viewer.page.evaluate(NOTE_WORDS)
        await operate(system, "POST", f"rooms/{room}/close", block=600, reason="maintenance until noon")
        await viewer.tells(f"An operator has blocked {room}: maintenance until noon")
        assert "lost" not in " ".join(await viewer.page.evaluate("words"))
        await viewer.page.reload()
        await viewer.tells(f"An operator has blocked {room}: maintenance until noon")
        await operate(system, "DELETE", f"blocks/{room}")
        await viewer.tells(f"{room} is no")  # longer live, or not live yet


async def test_a_page_that_waits_is_told_of_a_block(system: System, browser: Browser) -> None:
    async with OpenPage(await browser.new_page()) as viewer:
        await viewer.page.goto(f"{system.controls[0].url}/watch/waits")
        await viewer.tells("waits is not live yet.")
        await operate(system, "POST", "rooms/waits/close", block=600, reason="too loud")
        await viewer.tells("An operator has blocked waits: too loud", within=10)
        await operate(system, "DELETE", "blocks/waits")


async def test_a_closed_room_says_so_at_once(system: System, browser: Browser) -> None:
    async with WatchPage(await browser.new_page()) as viewer, publisher(system.http, system.whip("shut")):
        await viewer.page.goto(f"{system.controls[0].url}/watch/shut")
        await viewer.tells("Watching shut.")
        await viewer.page.evaluate(NOTE_WORDS)
        await operate(system, "POST", "rooms/shut/close")
        await viewer.tells("shut was closed.")
        assert list(dict.fromkeys(await viewer.page.evaluate("words"))) == [
            "Watching shut.",
            "shut was closed.",
        ]


async def test_a_title_is_shown_at_home_on_the_watch_page_and_in_a_frame(
    system: System, browser: Browser
) -> None:
    url = system.controls[0].url
    await operate(system, "PUT", "rooms/titled", title="Board meeting")
    async with publisher(system.http, system.whip("titled")), OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(url)
        await opened.page.get_by_role("link", name="Board meeting").wait_for()
        await opened.page.get_by_role("link", name="Board meeting").click()
        await opened.page.wait_for_url(f"{url}/watch/titled")
        await opened.page.get_by_role("heading", name="Board meeting").wait_for()
        await opened.page.wait_for_function("document.title === 'Board meeting · Roomcast'")
        await operate(system, "PATCH", "rooms/titled", title="Second meeting")
        await opened.page.get_by_role("heading", name="Second meeting").wait_for()
        await opened.page.goto(f"{url}/embed/titled")
        await opened.page.locator("#title", has_text="Second meeting").wait_for()


async def test_who_may_play_in_a_locked_room_sees_its_title(system: System, browser: Browser) -> None:
    url = f"{system.controls[0].url}/watch/{PRIVATE_ROOM}"
    await operate(system, "PUT", f"rooms/{PRIVATE_ROOM}", title="Salaries")
    whip = system.whip(PRIVATE_ROOM)
    async with (
        publisher(system.http, whip, token=PRIVATE_TOKEN),
        OpenPage(await browser.new_page(), expected_statuses=[401]) as opened,
    ):
        await opened.page.goto(url)
        await opened.page.locator("dialog[open]").wait_for()
        assert await opened.page.text_content("h1") == PRIVATE_ROOM
        await opened.enter_token(PRIVATE_TOKEN)
        await opened.page.get_by_role("heading", name="Salaries").wait_for()
    await operate(system, "DELETE", f"rooms/{PRIVATE_ROOM}")


async def test_the_pause_button_and_a_click_on_the_picture_pause_and_play(
    system: System, browser: Browser
) -> None:
    async with (
        publisher(system.http, system.whip("clicked")),
        await open_watch_page(browser, system.controls[0].url, "clicked") as viewer,
    ):
        await viewer.tells("Watching clicked.")
        page = viewer.page
        for by in (page.get_by_role("button", name="Pause", exact=True), page.locator("video")):
            await by.click()
            await page.wait_for_function(PAUSED)
            await page.get_by_role("button", name="Play", exact=True).wait_for()
            await page.get_by_role("button", name="Play", exact=True).click()
            await page.wait_for_function(f"!{PAUSED}")
        assert await page.locator("#sound").inner_text() == "Click for sound"


async def test_a_phone_pauses_by_its_button_and_by_a_tap_that_does_not_show_the_controls(
    system: System, browser: Browser
) -> None:
    phone = {"viewport": DEVICES["phone"], "has_touch": True, "is_mobile": True}
    async with (
        publisher(system.http, system.whip("phone")),
        OpenPage(await browser.new_page(**phone)) as viewer,
    ):
        page = viewer.page
        await page.goto(f"{system.controls[0].url}/watch/phone")
        await viewer.tells("Watching phone.")
        assert await page.locator("#sound").inner_text() == "Tap for sound"
        await page.locator(".stage[data-idle]").wait_for()
        assert await page.locator("#live").evaluate("(badge) => getComputedStyle(badge).opacity") == "1"
        await page.locator("video").tap()  # shows the controls
        assert not await page.evaluate(PAUSED)
        await page.locator("video").tap()
        await page.wait_for_function(PAUSED)
        await page.get_by_role("button", name="Play", exact=True).tap()
        await page.wait_for_function(f"!{PAUSED}")
        await page.get_by_role("button", name="Pause", exact=True).tap()
        await page.wait_for_function(PAUSED)
