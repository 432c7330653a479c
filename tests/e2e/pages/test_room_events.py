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
FOLLOW_ANY_NAME = """async () => {
    const { RoomEvents } = await import('/static/js/room-events.js');
    window.told = {};
    const follow = (name) => new RoomEvents(new URL('/', location), name, (room) => { told[name] = room; });
    ['', 'no room', 'nobody'].forEach(follow);
    follow('left at once!').close();
}"""
FOLLOW_MANY = """async (count) => {
    const { RoomEvents } = await import('/static/js/room-events.js');
    window.told = new Set();
    const names = [...Array(count).keys()].map((number) => `room${number}`);
    window.many = names.map((name) => new RoomEvents(new URL('/', location), name, () => told.add(name)));
}"""
CLOSE_TWO_AND_FOLLOW_ONE = """async () => {
    const { RoomEvents } = await import('/static/js/room-events.js');
    many.splice(0, 2).forEach((one) => one.close());
    new RoomEvents(new URL('/', location), 'room21', () => told.add('again'));
    new RoomEvents(new URL('/', location), 'room22', () => told.add('new'));
}"""
# In place of the server: what `say` says.
_SCRIPTED = """async () => {
    const { RoomEvents, RoomListEvents } = await import('/static/js/room-events.js');
    window.sources = [];
    window.EventSource = class extends EventTarget {
        static CLOSED = 2;
        readyState = 2;
        constructor() { super(); sources.push(this); }
        close() {}
    };
    window.say = (live) => {
        sources[0].dispatchEvent(new MessageEvent('room', { data: JSON.stringify({ name: 'one', live }) }));
    };
    window.follow = (on) => new RoomEvents(new URL('/', location), 'one', on);
    window.followAll = (...on) => new RoomListEvents(new URL('/', location), ...on);
    window.begun = () => new Promise((resolve) => { setTimeout(resolve); });
}"""
_ONE_THROWS = """async () => {
    const told = [];
    follow(() => { throw new Error('mine'); });
    follow(({ live }) => told.push(live));
    await begun();
    say(true);
    return told;
}"""
_ALL_CLOSE_AT_ONCE = """async () => {
    const calls = [0, 0, 0];
    const first = follow(() => { calls[0] += 1; });
    await begun();
    say(true);
    const second = follow(() => { calls[1] += 1; second.close(); });
    const third = follow(() => { calls[2] += 1; });
    third.close();
    third.close();
    await begun();
    say(false);
    first.close();
    first.close();
    return calls;
}"""
_LOST = """() => {
    followAll(() => {}, () => { throw new Error('mine'); });
    sources[0].dispatchEvent(new Event('error'));
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


async def test_a_page_follows_more_rooms_than_a_stream_takes(system: System, browser: Browser) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        page = opened.page
        streams: list[int] = []
        page.on("request", lambda asked: "room=" in asked.url and streams.append(asked.url.count("room=")))
        await page.goto(f"{system.controls[0].url}/healthz")
        await page.evaluate(FOLLOW_MANY, 22)
        await page.wait_for_function("told.size === 22")
        assert sorted(streams) == [2, 20]
        await page.evaluate(CLOSE_TWO_AND_FOLLOW_ONE)
        await page.wait_for_function("told.has('again') && told.has('new')")
        assert streams[2:] == [19]


async def test_a_name_that_no_room_can_have_keeps_no_news_from_others(
    system: System, browser: Browser
) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/healthz")
        await opened.page.evaluate(FOLLOW_ANY_NAME)
        await opened.page.wait_for_function("told.nobody")
        told = await opened.page.evaluate("told")
        known = {"live": False, "hasPublisher": False, "subscribers": 0}
        assert told.pop("nobody").items() >= known.items()
        assert told == {name: {"name": name, **known} for name in ("", "no room")}


async def test_what_one_follower_throws_keeps_no_news_from_others(system: System, browser: Browser) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/healthz")
        await opened.page.evaluate(_SCRIPTED)
        assert await opened.page.evaluate(_ONE_THROWS) == [True]
        assert opened.errors == ["mine"]
        opened.errors.clear()


async def test_a_stream_is_asked_for_again_whatever_its_follower_throws(
    system: System, browser: Browser
) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/healthz")
        await opened.page.clock.install()
        await opened.page.evaluate(_SCRIPTED)
        await opened.page.evaluate(_LOST)
        await opened.page.clock.fast_forward(10_100)
        assert await opened.page.evaluate("sources.length") == 2
        opened.errors.clear()  # the follower's own


async def test_who_follows_a_room_may_close_when_it_is_called_and_more_than_once(
    system: System, browser: Browser
) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/healthz")
        await opened.page.evaluate(_SCRIPTED)
        assert await opened.page.evaluate(_ALL_CLOSE_AT_ONCE) == [2, 1, 0]
