"""What the watch page tells of its delay is what a clock in the picture shows.

Publisher and viewer are one host here, so that the picture's clock is also the viewer's; the worker's clock
is five seconds wrong. That takes a minute, and the machine for itself: `make soak`.
"""

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles

import pytest
from playwright.async_api import Browser, Route

from tests.support.browser import PublishPage, WatchPage, chromium, open_watch_page
from tests.support.clock_picture import CAMERA, filmed_clock, look
from tests.support.line_shape import Shape
from tests.support.shaped_line import ShapedLine, shaped_line
from tests.support.system import System, running_system
from tests.support.waiting import eventually

ROOM = "glass"
WRONG_SECONDS = 5.0
SETTLES, LOOKS = 8.0, 8.0  # seconds: until the first reports and round trips, and then
MOST, MOST_OF_FFMPEG = 0.050, 0.080

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.soak]


def wrong_clock(folder: Path) -> Path:
    """What makes the clock of a Python wrong that begins there."""
    (folder / "sitecustomize.py").write_text(
        f"import time\n_t = time.time\ntime.time = lambda: _t() + {WRONG_SECONDS}\n"
    )
    return folder


def over(line: ShapedLine) -> Callable[[Route], Awaitable[None]]:
    """Lead the media of what a page asks for over that line."""

    async def handle(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        response = await route.fetch()
        await route.fulfill(response=response, body=line.lead(await response.text()))

    return handle


async def published(browser: Browser, system: System, line: ShapedLine) -> PublishPage:
    page = PublishPage(await browser.new_page())
    await page.page.add_init_script(CAMERA)
    await page.page.route("**/api/whip/publish/*", over(line))
    await page.page.goto(f"{system.controls[0].url}/publish/{ROOM}")
    await page.publish()
    await page.tells(f"Live in {ROOM}.")
    return page


async def error(watch: WatchPage, said: str) -> float:
    """How far what is told is off what is true, in seconds: in 95 of 100 pictures at most."""
    await look(watch, SETTLES)
    seen = await look(watch, LOOKS)
    assert len(seen) > 10 * LOOKS
    cuts = quantiles((told - true for true, told in seen), n=40)
    print(
        f"{said}: told is {cuts[0]:+.3f} to {cuts[-1]:+.3f} s off what is true, {cuts[19]:+.3f} in the middle"
    )
    return quantiles((abs(told - true) for true, told in seen), n=20)[-1]


@pytest.mark.parametrize("way", [0.0, 0.050, 0.150])
async def test_the_page_tells_the_age_of_what_it_shows(redis_url: str, tmp_path: Path, way: float) -> None:
    """Each line has that delay in each direction. After a takeover it tells that of the successor."""

    async def is_silent() -> bool:
        return not (await system.rooms())[ROOM]["hasPublisher"]

    half = Shape(delay=way)
    async with (
        running_system(redis_url, checkouts={"worker0": wrong_clock(tmp_path)}) as system,
        chromium() as browser,
        contextlib.AsyncExitStack() as stack,
    ):
        media = system.workers[0].media
        assert media
        first, second, down = [
            await stack.enter_async_context(shaped_line(media, up=half, down=half)) for _ in range(3)
        ]
        await published(browser, system, first)
        async with await open_watch_page(browser, system.controls[0].url, ROOM) as watch:
            await watch.page.route("**/api/whep/play/*", over(down))
            await watch.page.reload()
            await watch.pictures()
            await watch.page.keyboard.press("i")
            assert await error(watch, f"{way} s") <= MOST
            first.shape(up=Shape(loss=1.0))
            await eventually("it is silent", is_silent, within=10)
            second.shape(up=Shape(delay=way + 0.1), down=Shape(delay=way + 0.1))
            await published(browser, system, second)
            await watch.pictures()
            assert await error(watch, f"{way} s, successor 0.1 s farther") <= MOST


async def test_the_page_tells_the_age_of_what_ffmpeg_films(redis_url: str, tmp_path: Path) -> None:
    async with (
        running_system(redis_url, checkouts={"worker0": wrong_clock(tmp_path)}) as system,
        chromium() as browser,
        filmed_clock(system.whip(ROOM)),
    ):
        await system.room_live(ROOM, within=10)
        async with await open_watch_page(browser, system.controls[0].url, ROOM) as watch:
            await watch.pictures()
            await watch.page.keyboard.press("i")
            assert await error(watch, "FFmpeg") <= MOST_OF_FFMPEG
