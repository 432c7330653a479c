"""Before and while somebody publishes: the check of the line, the line of health, the scene, what is kept."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Route

from tests.e2e.pages.conftest import PRIVATE_ROOM, PRIVATE_TOKEN
from tests.support.aiortc_client import viewer
from tests.support.barriers import assert_no_barrier
from tests.support.browser import PublishPage, open_publish_page, open_watch_page
from tests.support.line_shape import Shape
from tests.support.shaped_line import ShapedLine, shaped_line
from tests.support.system import System
from tests.support.waiting import eventually

CHECK_SECONDS = 20.0
SCREEN = """() => {
    navigator.mediaDevices.getDisplayMedia = async () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
        const context = canvas.getContext('2d');
        setInterval(() => { context.fillStyle = '#00f'; context.fillRect(0, 0, 640, 360); }, 50);
        return canvas.captureStream(20);
    };
}"""
POINTS = """() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const context = canvas.getContext('2d');
    context.drawImage(document.getElementById('video'), 0, 0, 640, 360);
    const at = (x, y) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
    return [at(20, 20), at(560, 300)];
}"""
UPLOADS = """async (rates) => {
    const { uploadInWords } = await import('../static/js/publish-check.js');
    const sizes = [[1280, 720, 2.5e6], [640, 360, 9e5], [320, 180, 1.5e5]];
    const layers = sizes.map(([width, height, bitrate]) => ({ width, height, bitrate }));
    return rates.map((bitrate) => uploadInWords({ bitrate, isMore: false }, layers));
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@contextlib.asynccontextmanager
async def behind_a_line(system: System, page: Page, rate: float) -> AsyncIterator[ShapedLine]:
    """The page's media goes over a line that carries `rate` bits a second upwards."""
    worker = system.workers[0].media
    assert worker
    async with shaped_line(worker, up=Shape(rate=rate, delay=0.02)) as line:

        async def lead(route: Route) -> None:
            if route.request.method != "POST":
                await route.continue_()
                return
            answer = await route.fetch()
            await route.fulfill(response=answer, body=line.lead(await answer.text()))

        await page.route("**/api/whip/publish/**", lead)
        yield line


async def checked(page: Page) -> str:
    """What the page says of the line."""
    await page.click("#try")
    told = page.locator("#check-upload:not([data-state=waiting])")
    await told.wait_for(timeout=1000 * CHECK_SECONDS)
    return await told.inner_text()


def bits(words: str) -> float:
    """Of `2.1 Mbit/s: …`."""
    number, unit = words.removeprefix("More than ").split()[:2]
    return float(number) * (1e6 if unit.startswith("Mbit") else 1e3)


@pytest.mark.alone
@pytest.mark.soak
@pytest.mark.parametrize("rate", [0.5e6, 2e6, 10e6])
async def test_it_says_what_a_line_carries_within_a_fifth(
    system: System, browser: Browser, rate: float
) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "tried") as publishing:
        async with behind_a_line(system, publishing.page, rate):
            words = await checked(publishing.page)
            print(f"{rate / 1e6} Mbit/s: {words}")
        assert bits(words) == pytest.approx(rate, rel=0.2)
        fits = {0.5e6: "180p will be sent", 2e6: "360p and 180p will be sent", 10e6: "enough for 720p"}
        assert fits[rate] in words


async def test_a_line_is_too_little_only_for_what_needs_more(system: System, browser: Browser) -> None:
    """A share of the line stays free, which counts as needed."""
    async with await open_publish_page(browser, system.controls[0].url, "counted") as publishing:
        little, nearly, enough = await publishing.page.evaluate(UPLOADS, [3.5e6, 3.8e6, 4.1e6])
    for state, words in (little, nearly):
        assert state == "poor"
        assert bits(words) < bits(words.partition("which need ")[2])
    assert enough == ["good", "4.1 Mbit/s: enough for 720p, 360p, and 180p."]


async def test_a_check_tells_of_picture_sound_and_line_and_goes_live_nowhere(
    system: System, browser: Browser
) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "unseen") as publishing:
        page = publishing.page
        words = await checked(page)
        assert bits(words) > 0
        assert "720p" in words
        assert "1280 × 720" in await page.inner_text("#check-picture")
        assert await page.inner_text("#check-sound") == "It is heard."
        assert "unseen" not in await system.rooms()
        await assert_no_barrier(page)
        await publishing.publish()
        await publishing.tells("Live in unseen.")
        assert await page.is_hidden("#check")


async def test_while_live_it_says_what_viewers_get_by_events(system: System, browser: Browser) -> None:
    async with await open_publish_page(browser, system.controls[0].url, "healthy") as publishing:
        asked: list[str] = []
        await publishing.publish()
        await publishing.tells("Live in healthy.")
        await publishing.shows("Nobody watches yet.")
        publishing.page.on("request", lambda request: asked.append(request.url))
        async with viewer(system.http, system.whep("healthy")) as receiver:
            await receiver.received(within=15)
            await publishing.shows("1 viewer gets ")
            await assert_no_barrier(publishing.page)
        assert not asked


async def test_the_camera_over_the_screen_is_one_picture(system: System, browser: Browser) -> None:
    url = system.controls[0].url
    async with (
        await open_publish_page(browser, url, "scene") as publishing,
        await open_watch_page(browser, url, "scene") as watching,
    ):
        await publishing.page.evaluate(SCREEN)
        await publishing.page.check('input[value="scene"]', force=True)
        await publishing.page.click("#start")
        await publishing.tells("Live in scene.")
        await watching.pictures(5)

        async def both() -> bool:
            screen, camera = await watching.page.evaluate(POINTS)
            return is_blue(screen) and not is_blue(camera)

        await eventually("the screen, and the camera in its corner", both, within=10)
        assert (await system.rooms())["scene"]["tracks"] == 2


def is_blue(point: list[int]) -> bool:
    red, green, blue = point
    return blue > 150 and red < 80 and green < 80


async def test_settings_are_kept_and_the_token_is_copied_but_not_shown(
    system: System, browser: Browser
) -> None:
    url = f"{system.controls[0].url}/publish/{PRIVATE_ROOM}"
    async with PublishPage(
        await browser.new_page(permissions=["clipboard-read", "clipboard-write"])
    ) as publishing:
        page = publishing.page
        await page.goto(url)
        await page.select_option("#picture", "1080")
        await page.check('input[value="screen"]', force=True)
        await page.fill("#room-token", PRIVATE_TOKEN)
        await page.press("#room-token", "Enter")
        await page.get_by_role("button", name="Copy the token for OBS").click()
        assert await page.evaluate("navigator.clipboard.readText()") == PRIVATE_TOKEN
        await page.locator("summary", has_text="FFmpeg").click()
        await page.get_by_role("button", name="Copy the command for FFmpeg").click()
        assert f"-authorization {PRIVATE_TOKEN} " in await page.evaluate("navigator.clipboard.readText()")
        assert PRIVATE_TOKEN not in await page.inner_text("main")
        await page.reload()
        assert await page.input_value("#picture") == "1080"
        assert await page.is_checked('input[value="screen"]')
        assert PRIVATE_TOKEN not in str(await page.evaluate("Object.values(localStorage)"))
