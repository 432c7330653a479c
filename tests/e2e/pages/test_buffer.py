"""How long a browser holds what has come, as the page wishes it."""

import pytest
from playwright.async_api import Browser

from tests.support.aiortc_client import publisher
from tests.support.browser import OpenPage, open_watch_page
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

# A video that shows two pictures, and one of which the browser does not say when it came.
_WAIT = """async () => {
    const { ScreenWait } = await import('/static/js/screen-wait.js');
    const { ReceivingStats } = await import('/static/js/receiving-stats.js');
    const asked = new Map();
    const video = {
        requestVideoFrameCallback: (call) => { asked.set(asked.size + 1, call); return asked.size; },
        cancelVideoFrameCallback: (id) => asked.set(id, null),
    };
    const wait = new ScreenWait(video);
    const shown = (picture) => [...asked.values()].at(-1)(0, picture);
    const told = [wait.take()];
    shown({ receiveTime: 100, expectedDisplayTime: 150 });
    shown({ receiveTime: 140, expectedDisplayTime: 170 });
    shown({ expectedDisplayTime: 200 });
    told.push(wait.take(), wait.take());
    wait.close();
    const stats = new ReceivingStats(), report = new Map([
        ['v', { type: 'inbound-rtp', kind: 'video', jitterBufferDelay: 9, jitterBufferEmittedCount: 9 }],
        ['p', { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.1 }],
    ]);
    stats.read(report);
    stats.sending = 0.2;
    const { latency, delay, buffer } = stats.read(report, told[1]);
    return { told, ended: [...asked.values()].at(-1) === null, latency, delay, buffer };
}"""

_TARGETS = "connections.at(-1).getReceivers().map((receiver) => receiver.jitterBufferTarget)"

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


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


async def test_the_watch_page_keeps_what_its_viewer_wishes(system: System, browser: Browser) -> None:
    """In the receiver's own target, of sound and picture, and on the next visit."""
    async with (
        publisher(system.http, system.whip("wish")),
        await open_watch_page(browser, system.controls[0].url, "wish") as watch,
    ):
        await watch.pictures()
        assert await watch.page.evaluate(_TARGETS) == [None, None]
        for wish, target in (("steadier", 400), ("", None), ("sooner", 0)):
            await watch.page.select_option("#buffer select", wish)
            assert await watch.page.evaluate(_TARGETS) == [target, target]
        assert await watch.page.text_content("#buffer .words") == "Sooner"
        await watch.page.reload()
        await watch.pictures()
        assert await watch.page.evaluate(_TARGETS) == [0, 0]


async def test_the_wait_of_pictures_until_they_are_on_the_screen_counts(
    system: System, browser: Browser
) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/healthz")
        seen = await opened.page.evaluate(_WAIT)
    assert seen["told"] == [None, pytest.approx(0.040), None]
    assert seen["ended"]
    assert (seen["buffer"], seen["delay"], seen["latency"]) == pytest.approx((0.040, 0.090, 0.290))
