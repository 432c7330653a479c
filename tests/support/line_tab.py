"""A bare player in a tab of Chromium behind a line: what it sees and hears, moment by moment."""

import contextlib
from collections.abc import AsyncIterator, Callable
from urllib.parse import urljoin

import httpx
from playwright.async_api import Browser, Page

from tests.support.seen_line import Look, SeenLine

# `offer` begins a player, with its sound: what nobody hears is not concealed.
_PREPARE = """() => {
    window.offer = async () => {
        window.pc = new RTCPeerConnection();
        window.video = document.createElement('video');
        Object.assign(video, { autoplay: true, width: 64 });  // cheap to paint
        video.srcObject = new MediaStream();
        document.body.append(video);
        pc.ontrack = ({ track }) => video.srcObject.addTrack(track);
        ['audio', 'video'].forEach((kind) => pc.addTransceiver(kind, { direction: 'recvonly' }));
        await pc.setLocalDescription();
        return pc.localDescription.sdp;
    };
    window.stats = async () => [...(await pc.getStats()).values()];
    window.inbound = (all, kind) => all.find((s) => s.type === 'inbound-rtp' && s.kind === kind) ?? {};
}"""
# Looks every tenth of a second; the moments of pictures are those in which they are shown.
_ACCEPT = """async (sdp) => {
    await pc.setRemoteDescription({ type: 'answer', sdp });
    const now = () => (performance.timeOrigin + performance.now()) / 1000;
    window.looks = [];
    window.pictures = [];
    const shown = (_, { height }) => {
        pictures.push([now(), height]);
        video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
    window.looking = setInterval(async () => {
        const at = now();
        const all = await stats();
        const [video, audio] = [inbound(all, 'video'), inbound(all, 'audio')];
        const pair = all.find((s) => s.type === 'candidate-pair' && s.nominated) ?? {};
        looks.push([
            at, pair.bytesReceived ?? 0, pair.availableIncomingBitrate ?? 0,
            video.framesDecoded ?? 0, video.frameHeight ?? 0,
            video.keyFramesDecoded ?? 0, video.pliCount ?? 0, video.nackCount ?? 0,
            audio.totalSamplesReceived ?? 0,
            (audio.concealedSamples ?? 0) - (audio.silentConcealedSamples ?? 0),
            audio.jitterBufferDelay ?? 0, audio.jitterBufferEmittedCount ?? 0,
        ]);
    }, 100);
}"""
_TAKE = "() => [looks.splice(0), pictures.splice(0)]"
_STOP = "() => { clearInterval(looking); pc.close(); video.remove(); }"


class LineTab:
    """The player. Its times are Unix times."""

    def __init__(self, page: Page, session: str) -> None:
        self.page = page
        self.session = session  # its id
        self._seen = SeenLine()

    async def seen(self) -> SeenLine:
        """All that it has seen and heard so far."""
        looks, pictures = await self.page.evaluate(_TAKE)
        self._seen.looks += [Look(*look) for look in looks]
        self._seen.pictures += [(at, height) for at, height in pictures]
        return self._seen

    async def copies(self) -> int:
        """Packets of sound that it threw away, since it had them: copies in redundant sound."""
        found: int = await self.page.evaluate(
            "async () => inbound(await stats(), 'audio').packetsDiscarded ?? 0"
        )
        return found


@contextlib.asynccontextmanager
async def line_page(browser: Browser, whep: str) -> AsyncIterator[Page]:
    """The page of a tab, in which nothing plays yet: browsers take seconds to open one."""
    page = await browser.new_page(viewport={"width": 160, "height": 120})
    try:
        await page.goto(urljoin(whep, "/healthz"))
        await page.evaluate(_PREPARE)
        yield page
    finally:
        await page.close()


@contextlib.asynccontextmanager
async def line_tab(
    page: Page,
    http: httpx.AsyncClient,
    whep: str,
    lead: Callable[[str], str],
    edit: Callable[[str], str] = lambda offer: offer,
) -> AsyncIterator[LineTab]:
    """Play `whep` until left; `lead` makes the answer lead to the line, `edit` turns the offer."""
    offer = edit(await page.evaluate("() => offer()"))
    response = await http.post(whep, content=offer, headers={"Content-Type": "application/sdp"})
    assert response.status_code == 201, response.text
    await page.evaluate(_ACCEPT, lead(response.text))
    try:
        yield LineTab(page, response.headers["Location"].rpartition("/")[2])
    finally:
        await page.evaluate(_STOP)
        await http.delete(urljoin(whep, response.headers["Location"]))
