"""The watch page's comforts: a picture while it connects, keys, a kept volume, words about the line."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Request, Route
from redis import Redis

from shared.bus import keys
from shared.names import RoomName
from tests.e2e.pages.conftest import ADMIN_TOKEN
from tests.support.aiortc_client import publisher
from tests.support.barriers import DEVICES, assert_no_barrier
from tests.support.browser import OpenPage, open_watch_page
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

LAYERS = [
    {"rid": "f", "width": 1280, "height": 720, "bitrate": 2e6},
    {"rid": "h", "width": 640, "height": 360, "bitrate": 5e5},
]
WELL = {
    "width": 1280,
    "height": 720,
    "framesPerSecond": 30,
    "bitrate": 1e6,
    "audioCodec": "opus",
    "loss": 0,
    "delay": 0.1,
}
TABLET = {"width": 1024, "height": 768}  # phones have no place for the volume
_HAS_OPACITY = "(wanted) => getComputedStyle(document.getElementById('statistics')).opacity === wanted"
_NOTE_USE = """() => {
    window.noted = [];
    const uses = { statistics: 'click', buffer: 'mousedown', volume: 'input' }; // that opens a list
    for (const [id, type] of Object.entries(uses)) {
        const root = document.getElementById(id);
        (root.querySelector('select') ?? root).addEventListener(type, () => noted.push(id));
    }
}"""
_TEN_MINUTES = {
    "en": "The last stream ended 10 minutes ago. The next one starts by itself.",
    "de": "Der Stream endete vor 10 Minuten. Der nächste beginnt von selbst.",
    "es": "La emisión terminó hace 10 minutos. La próxima empezará automáticamente.",
    "zh-Hans": "直播已于 10分钟前结束。开播后会自动播放。",
}
_WORDS = """async ([stats, layers, choice, seconds]) => {
    const { Health } = await import('../static/js/health.js');
    const health = new Health();
    let words = '';
    for (let n = 0; n < seconds; n += 1) words = health.words(stats, layers, choice);
    return words;
}"""


async def test_the_still_picture_is_there_at_once_while_it_connects(system: System, browser: Browser) -> None:
    async def hold(_: Route) -> None:
        """Never answer."""

    async with publisher(system.http, system.whip("poster")):

        async def has_still() -> bool:
            room = (await system.http.get(f"{system.controls[0].url}/api/rooms/poster")).json()
            return room["stillAt"] is not None

        await eventually("a still picture", has_still, 10)
        async with OpenPage(await browser.new_page()) as opened:
            await opened.page.route("**/api/whep/**", hold)
            await opened.page.goto(f"{system.controls[0].url}/watch/poster")
            await opened.page.locator(".stage-still").wait_for()
            await opened.tells("Connecting…")
        async with await open_watch_page(browser, system.controls[0].url, "poster") as viewer:
            await viewer.tells("Watching poster.")
            await viewer.page.locator(".stage-still").wait_for(state="hidden")


async def test_keys_pause_and_set_the_volume_which_is_kept(system: System, browser: Browser) -> None:
    context = await browser.new_context()
    async with context, publisher(system.http, system.whip("keys")):
        async with OpenPage(await context.new_page()) as viewer:
            page = viewer.page
            await page.goto(f"{system.controls[0].url}/watch/keys")
            await viewer.tells("Watching keys.")
            await page.keyboard.press(" ")
            assert await page.evaluate("document.querySelector('video').paused")
            await page.get_by_text("Paused.").wait_for()
            await page.get_by_role("button", name="Play", exact=True).wait_for()
            await page.keyboard.press(" ")
            # a function: the page's policy forbids to evaluate a text again, as a second look would
            await page.wait_for_function("() => !document.querySelector('video').paused")
            await page.keyboard.press("ArrowUp")
            assert await page.evaluate("document.querySelector('video').muted"), "it scrolls the page"
            await page.locator("video").click()
            await page.keyboard.press("ArrowUp")
            await page.keyboard.press("ArrowUp")
            assert await page.evaluate("document.querySelector('video').muted") is False
            volume = await page.evaluate("document.querySelector('video').volume")
            assert volume == pytest.approx(0.1)
            await page.wait_for_function("() => localStorage.getItem('roomcast-volume') === '0.1'")
        async with OpenPage(await context.new_page()) as again:
            page = again.page
            await page.goto(f"{system.controls[0].url}/watch/keys")
            assert await page.evaluate("document.querySelector('video').volume") == volume
            await page.locator("video").click()
            for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown", "ArrowDown"):
                await page.keyboard.press(key)  # 0.05 three times, and back: nothing, to the last bit
            assert await page.evaluate("document.querySelector('video').muted")


async def test_keys_fill_the_screen_and_take_the_picture_out_of_the_page(
    system: System, browser: Browser
) -> None:
    async with (
        publisher(system.http, system.whip("floats")),
        await open_watch_page(browser, system.controls[0].url, "floats") as viewer,
    ):
        await viewer.tells("Watching floats.")
        await viewer.pictures(1)
        for key, element, wanted in (
            ("f", "fullscreenElement", "stage"),
            ("p", "pictureInPictureElement", "video"),
        ):
            await viewer.page.keyboard.press(key)
            await viewer.page.wait_for_function(f"() => document.{element}?.id === '{wanted}'")
            await viewer.page.keyboard.press(key)
            await viewer.page.wait_for_function(f"() => document.{element} === null")


async def test_a_phone_without_keys_plays_again_by_a_tap(system: System, browser: Browser) -> None:
    """The system may have paused it: for another app, or to save power."""
    async with (
        publisher(system.http, system.whip("tapped")),
        OpenPage(await browser.new_page(viewport=DEVICES["phone"], has_touch=True)) as viewer,
    ):
        page = viewer.page
        await page.goto(f"{system.controls[0].url}/watch/tapped")
        await viewer.tells("Watching tapped.")
        play = page.get_by_role("button", name="Play", exact=True)
        for tapped in (play, page.locator("video")):
            await page.evaluate("document.querySelector('video').pause()")
            await play.wait_for()
            await assert_no_barrier(page)
            await page.set_viewport_size(DEVICES["phone"])
            await tapped.tap()
            await play.wait_for(state="hidden")
            assert not await page.evaluate("document.querySelector('video').paused")
            assert await page.evaluate("document.querySelector('video').muted"), "it stays muted"


@pytest.mark.parametrize("by", ["finger", "mouse"])
async def test_what_shows_the_controls_operates_none(system: System, browser: Browser, by: str) -> None:
    """Neither a button, nor a list, nor the volume; what comes next operates them, also in the same place."""
    async with (
        publisher(system.http, system.whip("hidden")),
        OpenPage(await browser.new_page(viewport=TABLET, has_touch=True, is_mobile=by == "finger")) as viewer,
    ):
        page = viewer.page
        await page.goto(f"{system.controls[0].url}/watch/hidden")
        await viewer.tells("Watching hidden.")
        await page.evaluate(_NOTE_USE)
        for control in ("statistics", "buffer", "volume"):
            box = await page.locator(f"#{control}").bounding_box()
            assert box is not None
            at = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
            if by == "mouse":
                await page.mouse.move(*at)  # which shows them
            await page.evaluate(
                "document.querySelector('.stage').dataset.idle = ''"
            )  # as after three seconds
            for opacity in ("0", "1"):
                await page.wait_for_function(_HAS_OPACITY, arg=opacity)
                await page.evaluate("(opacity) => { noted.push(opacity); }", opacity)
                if by == "finger":
                    await page.touchscreen.tap(*at)
                else:
                    await page.mouse.down()
                    await page.mouse.up()
            await page.wait_for_function("(control) => noted.at(-1) === control", arg=control)
            assert await page.evaluate("noted.splice(0)") == ["0", "1", control]
            await page.evaluate("document.activeElement.blur()")  # closes the list


async def test_who_waits_is_told_for_how_long(system: System, browser: Browser) -> None:
    async with await open_watch_page(browser, system.controls[0].url, "nobody") as viewer:
        await viewer.tells("nobody is not live yet.")
        await viewer.shows("Waiting for 0:02. It starts by itself.")


async def test_who_comes_after_the_end_reads_when_it_was(
    system: System, browser: Browser, valkey_url: str
) -> None:
    url = system.controls[0].url
    async with await open_watch_page(browser, url, "over") as viewer:
        await viewer.tells("over is not live yet.")
        async with publisher(system.http, system.whip("over")) as live:
            await viewer.tells("Watching over.")
            await live.delete()
        await viewer.tells("over is no longer live.", within=8)
        ended = re.compile(r"^The last stream ended \d+ seconds? ago\. The next one starts by itself\.$")
        await viewer.page.get_by_text(ended).wait_for()
    with Redis.from_url(valkey_url) as redis:
        redis.set(keys.room_ended(RoomName("over")), int(redis.time()[0]) - 610)
    for tag, words in _TEN_MINUTES.items():
        async with OpenPage(await browser.new_page(locale=tag)) as later:
            await later.page.goto(f"{url}/watch/over?lang={tag}")
            await later.shows(words)
    async with await open_watch_page(browser, url, "over") as later:
        await later.tells("over is no longer live.")
        async with publisher(system.http, system.whip("over")):
            await later.tells("Watching over.")


async def test_the_embedded_page_tells_it_over_the_one_stream_that_it_has(
    system: System, browser: Browser
) -> None:
    url = system.controls[0].url
    async with publisher(system.http, system.whip("embedded")) as live:
        await live.delete()
    async with OpenPage(await browser.new_page()) as opened:
        streams: list[str] = []

        def note(request: Request) -> None:
            if "/api/rooms/events" in request.url:
                streams.append(request.url)

        opened.page.on("request", note)
        await opened.page.goto(f"{url}/embed/embedded")
        await opened.tells("embedded is no longer live.")
        assert len(streams) == 1, streams


@pytest.mark.parametrize(
    ("stats", "seconds", "words"),
    [
        (WELL, 30, ""),
        (WELL | {"width": 640, "height": 360}, 7, ""),
        (WELL | {"width": 640, "height": 360}, 30, "Your connection is too slow for 720p: showing 360p"),
        (WELL | {"framesPerSecond": 0}, 30, "Your connection is too slow for 720p: audio only"),
        (WELL | {"framesPerSecond": 0, "audioCodec": ""}, 30, ""),
        (WELL | {"loss": 0.12}, 30, "Your line loses 12% of the packets"),
        (WELL | {"delay": 2.04}, 30, "2.0 s behind"),
        # hardly anything of the best layer is sent: that is not the viewer's line
        (WELL | {"width": 640, "height": 360, "starved": True}, 30, ""),
    ],
)
async def test_what_is_wrong_with_the_line_is_told_in_words(
    system: System, browser: Browser, stats: dict[str, Any], seconds: int, words: str
) -> None:
    automatic = {"rid": None, "picture": True}
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/watch/nobody")
        best, *others = LAYERS
        layers = [best | {"bitrate": 2e5}, *others] if "starved" in stats else LAYERS
        assert await opened.page.evaluate(_WORDS, [stats, layers, automatic, seconds]) == words
        chosen = {"rid": "h", "picture": True}
        if stats["width"] == 640:
            assert not await opened.page.evaluate(_WORDS, [stats, LAYERS, chosen, seconds])


async def test_the_statistics_say_what_limits_the_video(system: System, browser: Browser) -> None:
    script = """async ([stats, layers, choice]) => {
        const { Health } = await import('../static/js/health.js');
        const { figures } = await import('../static/js/figures.js');
        const health = new Health();
        for (let n = 0; n < 30; n += 1) health.words(stats, layers, choice);
        return Object.fromEntries(figures(stats, health.limit(stats, layers, choice)))['Limited by'] ?? '';
    }"""
    automatic, chosen = {"rid": None, "picture": True}, {"rid": "h", "picture": True}
    narrow, by_connection = WELL | {"width": 640, "height": 360}, "your connection (best: 720p)"
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/watch/nobody")
        for stats, choice, limit in (
            (WELL, automatic, ""),
            (narrow, automatic, by_connection),
            (WELL | {"framesPerSecond": 0}, automatic, by_connection),
            (narrow, chosen, "your choice (best: 720p)"),
        ):
            assert await opened.page.evaluate(script, [stats, LAYERS, choice]) == limit


async def test_words_about_the_line_stay_while_they_are_about_the_same(
    system: System, browser: Browser
) -> None:
    """A screen reader reads each change aloud."""
    script = """async (stats) => {
        const { Health } = await import('../static/js/health.js');
        const health = new Health();
        return stats.map((each) => health.words(each, [], { rid: null, picture: true }));
    }"""
    late = [WELL | {"delay": 2.0 + second / 10} for second in range(12)]
    lossy = [WELL | {"loss": 0.1 + second / 100} for second in range(3)]
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/watch/nobody")
        told = await opened.page.evaluate(script, [*late, *lossy, WELL])
    assert list(dict.fromkeys(told)) == ["", "2.7 s behind", "Your line loses 10% of the packets"]
    assert told[-1] == ""


async def test_who_has_paused_stays_so_when_the_session_is_replaced(system: System, browser: Browser) -> None:
    async with (
        publisher(system.http, system.whip("held")),
        await open_watch_page(browser, system.controls[0].url, "held") as viewer,
    ):
        await viewer.tells("Watching held.")
        await viewer.pictures(1)
        page = viewer.page
        await page.evaluate("document.querySelector('video').pause()")
        before = await page.evaluate("document.querySelector('video').srcObject.id")
        admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        sessions = (
            await system.http.get(f"{system.controls[0].url}/api/admin/sessions", headers=admin)
        ).json()
        [session] = [
            each["id"] for each in sessions["sessions"] if (each["room"], each["role"]) == ("held", "play")
        ]
        await system.http.delete(f"{system.controls[0].url}/api/admin/sessions/{session}", headers=admin)

        async def replaced() -> bool:
            stream = await page.evaluate("document.querySelector('video').srcObject?.id ?? ''")
            return stream not in ("", before)

        await eventually("another session", replaced, within=15)
        await page.evaluate("new Promise((done) => { setTimeout(done, 300); })")
        assert await page.evaluate("document.querySelector('video').paused")


async def test_a_browser_without_webrtc_is_told_so(system: System, browser: Browser) -> None:
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.add_init_script("delete window.RTCPeerConnection; delete window.RTCRtpReceiver;")
        async with publisher(system.http, system.whip("plain")):
            await opened.page.goto(f"{system.controls[0].url}/watch/plain")
            await opened.tells("RTCPeerConnection")


async def test_a_row_that_is_moved_keeps_the_focus(system: System, browser: Browser) -> None:
    script = """async () => {
        const { KeyedRows } = await import('../static/js/keyed-rows.js');
        const own = document.createElement('div');
        own.innerHTML = '<template><button></button></template><p></p>';
        document.body.append(own);
        const [template, list] = own.children;
        const rows = new KeyedRows(list, template, { fill: (row, name) => { row.textContent = name; } });
        rows.show(['a', 'b', 'c'], (name) => name);
        list.children[1].focus();
        rows.show(['b', 'c', 'a'], (name) => name);
        return document.activeElement.textContent + list.textContent;
    }"""
    async with OpenPage(await browser.new_page()) as opened:
        await opened.page.goto(f"{system.controls[0].url}/watch/nobody")
        assert await opened.page.evaluate(script) == "bbca"
