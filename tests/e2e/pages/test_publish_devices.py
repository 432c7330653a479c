"""The publish page tells what it lacks: a camera or microphone that is refused, or taken away while live."""

import pytest
from playwright.async_api import Browser

from tests.support.browser import open_publish_page
from tests.support.system import System

# Something to share. Chromium's test devices have all leave: this browser refuses devices of one kind.
_REFUSE = """(kind) => {
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d');
    setInterval(() => context.fillRect(0, 0, canvas.width, canvas.height), 50);
    navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(20);
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wish) => {
        if (wish[kind]) throw new DOMException('', 'NotAllowedError');
        return (window.opened = await open(wish));
    };
}"""
_UNPLUG = """(kind) => {
    opened.getTracks().find((track) => track.kind === kind).dispatchEvent(new Event('ended'));
}"""
_TELLS_ONLY = "(words) => document.getElementById('status').textContent === words"
_NO_LEAVE = "The browser may not use the camera and microphone."
_NO_PICTURE = "The picture was stopped, or the camera was unplugged."
_NO_SOUND = "The microphone was unplugged."

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_screen_without_the_microphone_is_live_with_a_word_of_that(
    system: System, browser: Browser
) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "mute") as publisher:
        page = publisher.page
        await page.evaluate(_REFUSE, "audio")
        await page.check('input[value="screen"]', force=True)
        await page.click("#preview")
        await publisher.tells(f"Not publishing: only you see this. There is no sound. {_NO_LEAVE}")
        await page.click("#start")
        await publisher.tells(f"Live in mute. There is no sound. {_NO_LEAVE}")
        assert await page.get_attribute("#status", "data-state") == "waiting"
        await page.select_option("#microphone", "none")
        await page.wait_for_function(_TELLS_ONLY, arg="Live in mute.")


async def test_a_refused_camera_is_not_told_as_a_refused_screen(system: System, browser: Browser) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "faceless") as publisher:
        await publisher.page.evaluate(_REFUSE, "video")
        await publisher.page.check('input[value="scene"]', force=True)
        await publisher.page.click("#start")
        await publisher.tells(_NO_LEAVE)
        assert "faceless" not in await system.rooms()


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("camera", "video", _NO_PICTURE),
        ("camera", "audio", _NO_SOUND),
        ("screen", "audio", _NO_SOUND),
        ("scene", "video", _NO_PICTURE),
        ("scene", "audio", _NO_SOUND),
    ],
)
async def test_a_device_that_is_taken_away_ends_the_show_with_a_word_of_that(
    system: System, browser: Browser, source: str, kind: str, words: str
) -> None:
    room = f"{source}-{kind}"
    async with await open_publish_page(browser, system.controls[0].url, room) as publisher:
        page = publisher.page
        await page.evaluate(_REFUSE, "nothing")
        await page.check(f'input[value="{source}"]', force=True)
        await publisher.publish()
        await publisher.tells(f"Live in {room}.")
        await page.evaluate(_UNPLUG, kind)
        await publisher.tells(words)
        assert await page.get_attribute("#status", "data-state") == "error"
        assert await page.is_visible("#start")
        await system.room_gone(room, within=5)
