"""`session.js` and its users when they are stopped, or lose the network, at a bad moment."""

import pytest
from playwright.async_api import Browser, Request, Route

from tests.support.aiortc_client import publisher
from tests.support.publisher_tab import open_tab
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_BEGIN = """async () => {
    const { WhipPublisher } = await import('/static/js/whip-publisher.js');
    window.stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    window.publisher = new WhipPublisher('/elsewhere/whip');
}"""
_STOP_AT_ONCE = """async () => {
    const published = publisher.publish(stream);
    publisher.stop();
    await published;
}"""
_STOP_WHILE_IT_GATHERS = """async () => {
    const { setLocalDescription } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.setLocalDescription = async function set(...given) {
        await setLocalDescription.apply(this, given);
        publisher.stop();
    };
    await publisher.publish(stream);
}"""
_TWO_IN_ONE_ELEMENT = """async () => {
    const { WhepPlayer } = await import('/static/js/whep-player.js');
    window.video = Object.assign(document.createElement('video'), { muted: true });
    window.players = {};
    for (const room of ['former', 'next']) {
        const player = players[room] = new WhepPlayer(video, `/api/whep/play/${room}`);
        player.play();
        await new Promise((live) => {
            player.addEventListener('state', ({ detail }) => detail.state === 'live' && live());
        });
    }
}"""
_FIRST_ERROR = """async () => {
    const first = new Promise((resolve) => {
        publisher.addEventListener('error', ({ detail }) => resolve(detail), { once: true });
    });
    publisher.publish(stream).catch(() => {});
    const { error, retryIn } = await first;
    publisher.stop();
    return [error.name, error.reason, retryIn > 0];
}"""
_CUT_ANSWERS = """() => {
    window.fetch = async () => new Response(
        new ReadableStream({ pull(body) { body.error(new TypeError('network error')); } }), { status: 201 },
    );
}"""
_STOP_BEFORE_THE_PICTURE = """async () => {
    const { ReceivingSession } = await import('/static/js/whep-session.js');
    const { WhepPlayer } = await import('/static/js/whep-player.js');
    ReceivingSession.prototype.open = async function open() { this.moves = Promise.resolve(); };
    let seen;
    const waits = new Promise((resolve) => {
        ReceivingSession.prototype.picture = () => {
            resolve();
            return new Promise((picture) => { seen = picture; });
        };
    });
    const video = document.createElement('video');
    const player = new WhepPlayer(video, '/elsewhere/whep');
    const states = [];
    player.addEventListener('state', ({ detail }) => states.push(detail.state));
    player.play();
    await waits;
    player.stop();
    seen();
    await new Promise((resolve) => { setTimeout(resolve); }); // all that follows from it
    return [...states, video.srcObject];
}"""
# The first session is still asked, or has answered, when the second one, which has a picture, takes over.
_CHOOSE_BEFORE_THE_PICTURE = """async (answers) => {
    const { ReceivingSession } = await import('/static/js/whep-session.js');
    const { WhepPlayer } = await import('/static/js/whep-player.js');
    const { Refused } = await import('/static/js/requests.js');
    const sessions = [];
    const told = [];
    let seen;
    const waits = new Promise((resolve) => {
        Object.defineProperties(ReceivingSession.prototype, {
            open: { async value() {
                if (sessions.push(this) === 1) this.moves = Promise.resolve();
                this.isOpen = true;
            } },
            close: { value() {
                this.isOpen = false;
                this.refuse?.(new Refused(404, 'session not found'));
            } },
            choosable: { get() { return this.isOpen; } },
            choose: { value({ rid }) {
                told.push([sessions.indexOf(this), rid]);
                if (answers || this !== sessions[0]) return Promise.resolve();
                return new Promise((_, refused) => { this.refuse = refused; });
            } },
            picture: { value() {
                resolve();
                return new Promise((picture) => { seen = picture; });
            } },
        });
    });
    const player = new WhepPlayer(document.createElement('video'), '/elsewhere/whep');
    player.play();
    await waits;
    const chosen = player.chooseLayer('h');
    if (answers) await chosen;
    seen();
    await chosen;
    await new Promise((resolve) => { setTimeout(resolve); }); // all that follows from it
    const { rid } = player.choice;
    player.stop();
    return { told, rid };
}"""
_FIVE_FOLLOW_THEIR_EVENTS = """async () => {
    const { SessionEvents } = await import('/static/js/session-events.js');
    let opened = 0;
    window.fetch = async () => {
        opened += 1;
        return { status: 201, url: location.href, headers: new Headers({ Location: `/events/${opened}` }) };
    };
    window.EventSource = class extends EventTarget { close() {} };
    const links = '<events>; rel="urn:ietf:params:whep:ext:core:server-sent-events"';
    const follow = () => new SessionEvents({ links, resource: new URL('/session', location) }, '', {});
    const all = [follow(), follow(), follow(), follow(), follow()];
    const counts = [opened];
    all[0].close();
    window.counted = () => [...counts, opened];
}"""
_WISHES = """async (sdp) => {
    const { withOpus } = await import('/static/js/opus-offer.js');
    return withOpus(sdp, { stereo: 1, maxaveragebitrate: 128000 }, ['nack']);
}"""
_PLAY = """async (refuses) => {
    const { setLocalDescription } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.setLocalDescription = async function set(description) {
        if (refuses && description.sdp.includes('stereo=1')) throw new DOMException('modified');
        await setLocalDescription.call(this, description);
    };
    const { WhepPlayer } = await import('/static/js/whep-player.js');
    new WhepPlayer(document.createElement('video'), '/elsewhere/whep').play();
}"""
_REFUSALS = """async (bodies) => {
    const { Refused } = await import('/static/js/requests.js');
    const refusals = bodies.map((body) => Refused.from(new Response(body, { status: 502 })));
    return (await Promise.all(refusals)).map(({ message }) => message);
}"""


async def test_who_was_stopped_without_a_network_does_not_try_again(system: System, browser: Browser) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        page = tab.page
        await page.clock.install()
        await page.goto(system.controls[0].url)
        await tab.start("left")
        assert await tab.settled() == "live"

        async def lose(route: Route) -> None:
            if route.request.method == "PATCH":
                await route.abort()
            else:
                await route.continue_()

        await page.route("**/api/whip/**", lose)
        async with page.expect_event("requestfailed", lambda request: request.method == "PATCH"):
            await page.evaluate("dispatchEvent(new Event('online'))")
        await page.evaluate("publisher.stop()")
        later: list[str] = []

        def note(request: Request) -> None:
            later.append(request.method)

        page.on("request", note)
        await page.clock.run_for(3_000)
        await page.evaluate("fetch('/healthz')")
        assert "PATCH" not in later
        assert later[-1] == "GET"
        tab.errors.clear()  # the browser's own, of the lost request


@pytest.mark.parametrize("stop", [_STOP_AT_ONCE, _STOP_WHILE_IT_GATHERS], ids=["at once", "gathering"])
async def test_who_was_stopped_before_its_offer_sends_none(
    system: System, browser: Browser, stop: str
) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        sent: list[str] = []

        def note(request: Request) -> None:
            sent.append(request.url)

        tab.page.on("request", note)
        await tab.page.evaluate(_BEGIN)
        await tab.page.evaluate(stop)
        assert not [url for url in sent if url.endswith("/elsewhere/whip")]


async def test_a_module_that_could_not_be_loaded_is_an_unreachable_server(
    system: System, browser: Browser
) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        await tab.page.route("**/gathering.js", lambda route: route.abort())
        await tab.page.evaluate(_BEGIN)
        assert await tab.page.evaluate(_FIRST_ERROR) == ["NotConnected", "unreachable", True]
        tab.errors.clear()  # the browser's own, of the lost request


async def test_an_answer_that_breaks_off_is_an_unreachable_server(system: System, browser: Browser) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        await tab.page.evaluate(_BEGIN)
        await tab.page.evaluate(_CUT_ANSWERS)
        assert await tab.page.evaluate(_FIRST_ERROR) == ["NotConnected", "unreachable", True]


async def test_a_player_that_was_stopped_while_it_moved_stays_stopped(
    system: System, browser: Browser
) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        assert await tab.page.evaluate(_STOP_BEFORE_THE_PICTURE) == ["connecting", "live", "stopped", None]


@pytest.mark.parametrize("way", ["stopped", "over"])
async def test_a_player_that_ends_leaves_the_picture_of_the_next_in_its_element(
    system: System, browser: Browser, way: str
) -> None:
    async with (
        publisher(system.http, system.whip("next")),
        publisher(system.http, system.whip("former")) as former,
        await open_tab(browser, system.controls[0].url) as tab,
    ):
        await tab.page.evaluate(_TWO_IN_ONE_ELEMENT)
        if way == "over":
            await former.delete()
        else:
            await tab.page.evaluate("players.former.stop()")
        ended = "waiting" if way == "over" else "stopped"
        await tab.page.wait_for_function("state => players.former.state === state", arg=ended)
        assert await tab.page.evaluate("video.srcObject?.active")
        await tab.page.evaluate("players.next.stop()")
        assert await tab.page.evaluate("video.srcObject === null")


@pytest.mark.parametrize("answers", [True, False], ids=["answered", "asked"])
async def test_what_is_chosen_while_a_player_moves_holds_for_the_next_session(
    system: System, browser: Browser, answers: bool
) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        result = await tab.page.evaluate(_CHOOSE_BEFORE_THE_PICTURE, answers)
    assert result == {"told": [[0, "h"], [1, "h"]], "rid": "h"}


async def test_a_stream_of_events_that_has_no_place_waits_for_one(system: System, browser: Browser) -> None:
    async with await open_tab(browser, system.controls[0].url) as tab:
        await tab.page.clock.install()
        await tab.page.evaluate(_FIVE_FOLLOW_THEIR_EVENTS)
        assert await tab.page.evaluate("counted()") == [4, 4]
        await tab.page.clock.fast_forward(10_100)

        async def opened() -> bool:
            return bool(await tab.page.evaluate("counted()[1] === 5"))

        await eventually("the fifth stream", opened, within=5)


async def test_a_refusal_has_words_whatever_a_server_answers(system: System, browser: Browser) -> None:
    bodies = {
        "null": "status 502",
        "": "status 502",
        '{"error": {"code": 7}}': "status 502",
        '{"error": "full", "detail": [1]}': "full",
        '{"detail": "Not Found"}': "status 502: Not Found",
        '{"error": "full", "detail": "of viewers"}': "full: of viewers",
    }
    async with await open_tab(browser, system.controls[0].url) as tab:
        assert await tab.page.evaluate(_REFUSALS, list(bodies)) == list(bodies.values())


@pytest.mark.parametrize(
    ("offered", "wished"),
    [
        ("", "a=fmtp:111 stereo=1;maxaveragebitrate=128000\r\na=rtcp-fb:111 nack\r\n"),
        (
            "a=rtcp-fb:111 nack\r\na=fmtp:111 minptime=10;stereo=0;useinbandfec=1\r\n",
            "a=rtcp-fb:111 nack\r\n"
            "a=fmtp:111 minptime=10;stereo=1;useinbandfec=1;maxaveragebitrate=128000\r\n",
        ),
    ],
    ids=["nothing", "something"],
)
async def test_an_offer_has_the_wishes_for_opus_once(
    system: System, browser: Browser, offered: str, wished: str
) -> None:
    others = "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\n"
    opus = "a=rtpmap:111 opus/48000/2\r\n"
    async with await open_tab(browser, system.controls[0].url) as tab:
        assert await tab.page.evaluate(_WISHES, opus + offered + others) == opus + wished + others
        assert await tab.page.evaluate(_WISHES, others) == others


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_player_asks_for_stereo_unless_its_browser_does_not_let_it(
    system: System, browser: Browser, refuses: bool
) -> None:
    async with await open_tab(browser, system.controls[0].url, expected_statuses=[404, 405]) as tab:
        async with tab.page.expect_request("**/elsewhere/whep") as asked:
            await tab.page.evaluate(_PLAY, refuses)
        offer = (await asked.value).post_data or ""
        assert "opus/48000/2" in offer
        assert ("stereo=1" in offer) == ("a=rtcp-fb:111 nack\r\n" in offer) == (not refuses)
