"""The home page with 2,000 live rooms, as a worker tells of them: how soon it shows, how it scrolls."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import Page

from media.stills.job import Keyframe
from media.stills.picture import still_pictures
from shared.messages.status import RoomStatus
from shared.messages.stills import GetStill, Still
from tests.integration.control.conftest import StartControl, start_control
from tests.integration.control.scripted_worker import ScriptedWorker
from tests.support.browser import chromium, open_home_page
from tests.support.still_room import keyframe_payloads

__all__ = ["start_control"]
pytestmark = [pytest.mark.e2e]

ROOMS = 2000
FIRST_PAINT_MS = 1000
LONGEST_TASK_MS = 100
MOST_HEAP_BYTES = 60_000_000
SCREENS = 40  # scrolled, one every 150 ms
_WATCH_TASKS = """
    window.tasks = [];
    new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries()) tasks.push({ startTime, duration });
    }).observe({ type: 'longtask', buffered: true });
"""
_FIRST_PICTURES = """new Promise((done) => {
    const look = () => {
        if (document.querySelector('.room img:not([hidden])')) done(performance.now());
        else requestAnimationFrame(look);
    };
    look();
})"""


def rooms(prefix: str = "room") -> tuple[RoomStatus, ...]:
    return tuple(
        RoomStatus(
            name=f"{prefix}-{number:04}",
            has_publisher=True,
            tracks=2,
            subscribers=number % 97,
            codecs=("VP8", "opus"),
            bitrate=1_500_000,
            started_at=1_700_000_000.0 + number,
            still_at=1_700_000_000.0 + number,
        )
        for number in range(ROOMS)
    )


@pytest.fixture
async def worker(redis_url: str) -> AsyncIterator[ScriptedWorker]:
    worker = ScriptedWorker(redis_url, "w1")
    worker.rooms = rooms()
    worker._claims = {room.name for room in worker.rooms}  # type: ignore[misc]
    pictures = still_pictures(Keyframe("VP8", list(keyframe_payloads("VP8"))))
    worker.answers[GetStill] = Still(jpeg=pictures[320], taken_at=1.0)
    async with worker.running():
        for room in worker.rooms:
            await worker._directory.claim_room(room.name, worker.id)  # type: ignore[arg-type]
        yield worker


async def longest_task(page: Page, since: float) -> float:
    tasks: list[dict[str, float]] = await page.evaluate("tasks")
    return max((task["duration"] for task in tasks if task["startTime"] >= since), default=0.0)


@pytest.mark.soak
@pytest.mark.alone
async def test_two_thousand_rooms_show_at_once_and_scroll_smoothly(
    start_control: StartControl, worker: ScriptedWorker
) -> None:
    http = await start_control()
    async with chromium() as browser:
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        await context.add_init_script(_WATCH_TASKS)
        page = await context.new_page()
        await page.goto(str(http.base_url))
        pictures_at = await page.evaluate(_FIRST_PICTURES)
        paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        loading = await longest_task(page, 0)
        print(f"first paint {paint:.0f} ms, pictures {pictures_at:.0f} ms, longest task {loading:.0f} ms")
        since = await page.evaluate("performance.now()")
        for turn in range(SCREENS):
            worker.rooms = tuple(
                replace(room, subscribers=room.subscribers + 1) if number % 10 == turn % 10 else room
                for number, room in enumerate(worker.rooms)
            )
            await page.mouse.wheel(0, 800)
            await page.wait_for_timeout(150)
        scrolling = await longest_task(page, since)
        cards, images = await page.evaluate(
            "[document.querySelectorAll('.room').length, document.querySelectorAll('.room img[src]').length]"
        )
        session = await context.new_cdp_session(page)
        await session.send("HeapProfiler.collectGarbage")
        heap = (await session.send("Runtime.getHeapUsage"))["usedSize"]
        print(f"scrolling {scrolling:.0f} ms; {cards} cards, {images} pictures, {heap / 1e6:.1f} MB of heap")
        assert paint < FIRST_PAINT_MS
        assert cards > 400
        assert images < 100
        assert scrolling < LONGEST_TASK_MS
        assert heap < MOST_HEAP_BYTES
        await context.close()


async def test_rooms_are_found_by_a_part_of_their_name_and_put_in_order(
    start_control: StartControl, worker: ScriptedWorker
) -> None:
    worker.rooms = tuple(replace(room, still_at=0) for room in worker.rooms)  # none has a picture to ask for
    http = await start_control()
    async with chromium() as browser, await open_home_page(browser, str(http.base_url).rstrip("/")) as home:
        await home.shows("2,000 rooms, ")
        first = home.page.locator(".room a").first
        assert await first.text_content() == "room-0096"
        await home.page.get_by_label("Find").fill("ROOM-19")
        await home.shows("100 of 2,000 rooms")
        await home.page.get_by_label("Order").select_option("name")
        assert await first.text_content() == "room-1900"
        await home.page.get_by_label("Order").select_option("newest")
        assert await first.text_content() == "room-1999"
        await home.page.get_by_label("Find").fill("nothing")
        await home.shows("No live room has “nothing” in its name.")
