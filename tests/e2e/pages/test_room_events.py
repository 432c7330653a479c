"""Pages hear from the server what happens in rooms, and do not ask again and again."""

import pytest
from playwright.async_api import Browser, Request

from tests.support.aiortc_client import publisher
from tests.support.browser import OpenPage
from tests.support.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

WAIT = """async (room) => {
    const { WhepPlayer } = await import('/static/js/whep-player.js');
    const video = Object.assign(document.createElement('video'), { muted: true });
    window.player = new WhepPlayer(video, `/api/whep/play/${room}`);
    window.pauses = [];
    window.messages = [];
    player.addEventListener('message', ({ detail }) => messages.push(detail.text));
    player.addEventListener('error', ({ detail }) => pauses.push(detail.retryIn));
    player.play();
}"""
TELL = """() => {
    fetch('/api/rooms/awaited/messages', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ text: 'hi' }),
    });
    return messages[0] === 'hi';
}"""
FOLLOW = """async () => {
    const { RoomEvents, RoomListEvents } = await import('/static/js/room-events.js');
    const root = new URL('/', location.href);
    window.told = {};
    for (const name of ['one', 'two']) {
        new RoomEvents(root, name, (room) => { told[name] = room; });
    }
    window.second = new RoomEvents(root, 'one', (room) => { told.again = room; });
    new RoomListEvents(root, (rooms) => { told.all = Object.fromEntries(rooms); });
}"""


async def test_a_player_that_waits_is_told_when_somebody_publishes_and_gets_their_messages(
    system: System, browser: Browser
) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        page = opened.page
        await page.goto(f"{system.controls[0].url}/healthz")
        await page.evaluate(WAIT, "awaited")
        await page.wait_for_function("pauses.at(-1) === 30")  # it does not ask any more
        async with publisher(system.http, system.whip("awaited")):
            await page.wait_for_function("player.state === 'live'", timeout=10_000)
            await page.wait_for_function(TELL, polling=200)  # its stream may not be open yet
            await page.evaluate("player.stop()")


async def test_a_page_follows_its_rooms_over_one_stream(system: System, browser: Browser) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        page = opened.page
        streams: list[str] = []

        def note(request: Request) -> None:
            if "/api/rooms/events" in request.url:
                streams.append(request.url.partition("?")[2])

        page.on("request", note)
        await page.goto(f"{system.controls[0].url}/healthz")
        await page.evaluate(FOLLOW)
        await page.wait_for_function("told.one && told.two && told.again && told.all")
        assert sorted(streams) == ["detail=true", "detail=true&room=one&room=two"]
        assert not await page.evaluate("told.one.live")
        async with publisher(system.http, system.whip("one")):
            await page.wait_for_function("told.one.live && told.again.live && told.all.one?.live")
            await page.evaluate("second.close()")
            assert await page.evaluate("told.one.codecs.length") == 2
        await page.wait_for_function("!told.one.live && !told.all.one?.live")
        assert await page.evaluate("told.again.live")
