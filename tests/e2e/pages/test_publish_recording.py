"""The publish page has the server record the room, where the token says that its bearer may."""

import time
from pathlib import Path

import pytest
from playwright.async_api import Browser

from control.access.actions import Action
from deploy.minting import mint
from shared.names import RoomName
from shared.settings.settings import load_settings
from tests.support.barriers import assert_no_barrier
from tests.support.browser import OpenPage, PublishPage, open_publish_page
from tests.support.system import System, running_system
from tests.support.waiting import eventually

ROOM = "lecture"
SECRET = "a-secret-of-at-least-thirty-two-bytes"
WITHIN = 15.0

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_streamer_records_by_a_button(redis_url: str, browser: Browser, tmp_path: Path) -> None:
    settings = {"JWT_SECRET": SECRET, "RECORD_DIR": str(tmp_path), "RECORD_FORMATS": "mux"}
    async with (
        running_system(redis_url, **settings) as system,
        await open_publish_page(browser, system.controls[0].url, ROOM) as publisher,
    ):
        page = publisher.page
        button = page.locator("#record")
        await _go_live(publisher, Action.PUBLISH)
        await publisher.tells(f"Live in {ROOM}.")
        assert await button.is_hidden()
        await publisher.stop()
        await _go_live(publisher, Action.PUBLISH, Action.RECORD)
        await button.wait_for(timeout=WITHIN * 1000)
        assert await page.is_hidden("#recorded")
        await button.click()

        async def recorded() -> bool:
            return await page.is_visible("#recorded") and bool(list(tmp_path.glob(f"{ROOM}_*")))

        await eventually("a file is begun", recorded, WITHIN)
        assert await button.get_attribute("aria-pressed") == "true"
        await assert_no_barrier(page)
        await button.click()
        await page.locator("#recorded").wait_for(state="hidden", timeout=WITHIN * 1000)
        assert await button.get_attribute("aria-pressed") == "false"
        await button.click()
        await page.locator("#recorded").wait_for(timeout=WITHIN * 1000)
        recording = f"{system.controls[0].url}/api/admin/rooms/{ROOM}/recording"
        operator = {"Authorization": f"Bearer {_token(Action.RECORD)}"}
        assert (await system.http.delete(recording, headers=operator)).is_success
        await page.locator("#recorded").wait_for(state="hidden", timeout=WITHIN * 1000)
        assert await button.get_attribute("aria-pressed") == "false"
        await publisher.stop()
        await button.wait_for(state="hidden", timeout=WITHIN * 1000)


async def test_a_token_of_somebody_elses_may_say_anything(system: System, browser: Browser) -> None:
    """As one that `AUTH_URL` judges."""
    script = """async (all) => {
        const { mayRecord } = await import('/static/js/publish-recording.js');
        return all.map((actions) => mayRecord(`.${btoa(JSON.stringify({ actions }))}.`));
    }"""
    actions = [5, True, {"includes": 5}, "publish", ["publish"], ["publish", "record"]]
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/publish/{ROOM}")
        assert await opened.page.evaluate(script, actions) == [*[False] * 5, True]


async def _go_live(publisher: PublishPage, *actions: Action) -> None:
    await publisher.page.fill("#room-token", _token(*actions))
    await publisher.page.press("#room-token", "Enter")
    await publisher.publish()


def _token(*actions: Action) -> str:
    settings = load_settings(jwt_secret=SECRET)
    return mint(settings, time.time(), room=RoomName(ROOM), actions=actions, seconds=600)
