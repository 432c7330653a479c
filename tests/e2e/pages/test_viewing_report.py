"""The watch page tells what its viewer saw, where the server asks for it; other origins' pages do not."""

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Request

from tests.support.aiortc_client import publisher
from tests.support.browser import OpenPage, open_watch_page
from tests.support.system import System
from tests.support.waiting import eventually

ROOM, ELSEWHERE = "seen", "seen-elsewhere"
_PLAY = """async ([script, endpoint, options]) => {
    const { WhepPlayer } = await import(script);
    const video = document.createElement('video');
    video.muted = true;
    window.player = new WhepPlayer(video, endpoint, options);
    window.seconds = 0;
    player.addEventListener('stats', () => { window.seconds += 1; });
    player.play();
}"""

_SECOND = "document.getElementById('figures').childElementCount > 0"

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def figure(system: System, name: str, room: str = ROOM) -> float:
    metrics = (await system.http.get(f"{system.controls[0].url}/metrics")).text
    found = re.search(rf'^roomcast_viewing_{name}{{room="{room}"}} (.+)$', metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def plays(opened: OpenPage, system: System, **options: object) -> None:
    script = f"{system.controls[0].url}/static/js/whep-player.js"
    await opened.page.evaluate(_PLAY, [script, system.whep(ELSEWHERE), options])

    async def played() -> bool:
        return bool(await opened.page.evaluate("seconds > 0"))

    await eventually("it plays", played, within=20)
    await opened.page.evaluate("player.stop()")


def reports_of(opened: OpenPage) -> list[Request]:
    sent: list[Request] = []
    opened.page.on(
        "request", lambda request: sent.append(request) if request.url.endswith("/viewing") else None
    )
    return sent


async def test_our_own_page_tells_what_was_seen(system: System, browser: Browser) -> None:
    async with (
        publisher(system.http, system.whip(ROOM)),
        await open_watch_page(browser, system.controls[0].url, ROOM) as watch,
    ):
        await watch.pictures()
        await watch.page.keyboard.press("i")
        assert await eventually("a second was seen", lambda: watch.page.evaluate(_SECOND), within=10)
        await watch.page.goto(f"{system.controls[0].url}/healthz")
        await eventually("its report is there", _is(system, "reports_total", 1), within=10)
    assert 0 < await figure(system, "seconds_total") < 30
    assert await figure(system, "first_picture_seconds_count") == 1
    assert 0 < await figure(system, "first_picture_seconds_sum") < 20
    assert await figure(system, "lines_sum") > 0


async def test_a_page_of_another_origin_tells_it_where_it_says_so(system: System, browser: Browser) -> None:
    async with (
        publisher(system.http, system.whip(ELSEWHERE)),
        OpenPage(await browser.new_page()) as opened,
    ):
        here = system.controls[0].url.replace("127.0.0.1", "localhost")
        await opened.page.goto(f"{here}/healthz")
        sent = reports_of(opened)
        await plays(opened, system)
        assert not sent
        await plays(opened, system, reports=True)
        await eventually("its report is there", _is(system, "reports_total", 1, ELSEWHERE), within=10)


def _is(system: System, name: str, value: float, room: str = ROOM) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return await figure(system, name, room) == value

    return look
