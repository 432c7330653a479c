"""Players that look by HEAD whether a URL is WHEP, and that answer offers of the server, in Chromium."""

import pytest
from playwright.async_api import Browser, Request, Route

from tests.support.aiortc_client import publisher
from tests.support.browser import OpenPage
from tests.support.system import System
from tests.support.waiting import eventually

# As players of early drafts: no offer, the server's is answered by PATCH.
PLAIN_PLAYER = """async (endpoint) => {
    const headers = { 'Content-Type': 'application/sdp', Accept: 'application/sdp' };
    const seen = [(await fetch(endpoint, { method: 'HEAD' })).headers.get('Content-Type')];
    const offered = await fetch(endpoint, { method: 'POST', headers });
    seen.push(offered.status);
    const pc = new RTCPeerConnection();
    pc.addEventListener('track', ({ streams: [stream] }) => {
        document.querySelector('video').srcObject = stream;
    });
    await pc.setRemoteDescription({ type: 'offer', sdp: await offered.text() });
    await pc.setLocalDescription(await pc.createAnswer());
    const session = new URL(offered.headers.get('Location'), endpoint);
    const answer = () => fetch(session, { method: 'PATCH', headers, body: pc.localDescription.sdp });
    seen.push((await answer()).status, (await answer()).status);
    window.session = session;
    return seen;
}"""
MODULE = """async (endpoint) => {
    const { WhepPlayer } = await import('/static/js/whep-player.js');
    window.states = [];
    window.player = new WhepPlayer(document.querySelector('video'), endpoint);
    player.addEventListener('state', ({ detail }) => states.push(detail.state));
    player.play();
}"""
PICTURES = "document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames"

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def open_tab(browser: Browser, system: System) -> OpenPage:
    opened = OpenPage(await browser.new_page(), (406,))
    await opened.page.goto(f"{system.controls[0].url}/healthz")  # a page without scripts
    await opened.page.evaluate("document.body.innerHTML = '<video muted autoplay></video>'")
    return opened


async def pictures(opened: OpenPage, more: int = 5) -> None:
    before = await opened.page.evaluate(PICTURES)

    async def come() -> bool:
        return bool(await opened.page.evaluate(PICTURES) >= before + more)

    await eventually("pictures", come, within=20)


async def test_a_player_that_knows_only_offers_of_the_server(system: System, browser: Browser) -> None:
    url = system.whep("offered")
    async with publisher(system.http, system.whip("offered")), await open_tab(browser, system) as opened:
        assert await opened.page.evaluate(PLAIN_PLAYER, url) == ["application/sdp", 406, 204, 204]
        await pictures(opened)
        session = await opened.page.evaluate("session.href")
        assert (await system.http.delete(session)).status_code == 200


async def test_our_player_answers_an_offer_and_restarts_its_ice(system: System, browser: Browser) -> None:
    patched: list[str] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            patched.append(request.headers["content-type"])

    async def without_offer(route: Route) -> None:
        await route.continue_(post_data=b"", headers=route.request.headers | {"accept": "application/sdp"})

    async with publisher(system.http, system.whip("counter")), await open_tab(browser, system) as opened:
        opened.page.on("request", note)
        await opened.page.route("**/api/whep/play/counter", without_offer)
        await opened.page.evaluate(MODULE, system.whep("counter"))
        await pictures(opened)
        await opened.page.evaluate("dispatchEvent(new Event('online'))")

        async def states() -> bool:
            return bool(
                await opened.page.evaluate("states") == ["connecting", "live", "reconnecting", "live"]
            )

        await eventually("live again", states, within=15)
        await pictures(opened)
        assert patched == ["application/sdp", "application/trickle-ice-sdpfrag"]
