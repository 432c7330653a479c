"""How long a browser holds what has come, as the page wishes it."""

import pytest
from playwright.async_api import Browser

from tests.support.aiortc_client import publisher
from tests.support.browser import OpenPage
from tests.support.system import System
from tests.support.waiting import eventually

_PLAY = """async (endpoint) => {
    const { WhepPlayer } = await import('/static/js/whep-player.js');
    const video = document.createElement('video');
    video.muted = true;
    window.player = new WhepPlayer(video, endpoint, { buffer: 'steadier' });
    player.addEventListener('stats', ({ detail }) => { window.delay = detail.delay; });
    player.play();
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_steadier_holds_it_longer_and_sooner_does_not(system: System, browser: Browser) -> None:
    async with (
        publisher(system.http, system.whip("buffer")),
        OpenPage(await browser.new_page()) as opened,
    ):
        await opened.page.goto(f"{system.controls[0].url}/healthz")  # a page without scripts
        await opened.page.evaluate(_PLAY, system.whep("buffer"))

        async def delay_is(least: float, most: float) -> bool:
            delay = await opened.page.evaluate("window.delay ?? null")
            return delay is not None and least <= delay <= most

        await eventually("a long delay", lambda: delay_is(0.35, 1.0), within=20)
        await opened.page.evaluate("player.buffer = 'sooner'")
        await eventually("a short one", lambda: delay_is(0.0, 0.25), within=20)
