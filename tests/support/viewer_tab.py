"""A bare player in a tab of Chromium: the test decides what it offers; it reports how well it sees."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from playwright.async_api import Browser, Page

from tests.support.waiting import eventually

_PLAY = """async ([url, without]) => {
    const pc = window.pc = new RTCPeerConnection();
    const video = window.video = document.createElement('video');
    video.muted = video.autoplay = true;
    video.width = 64;  // cheap to paint
    video.srcObject = new MediaStream();
    document.body.append(video);
    pc.ontrack = ({ track }) => video.srcObject.addTrack(track);
    pc.addTransceiver('audio', { direction: 'recvonly' });
    pc.addTransceiver('video', { direction: 'recvonly' });
    await pc.setLocalDescription();
    const lines = pc.localDescription.sdp.split('\\r\\n');
    const sdp = lines.filter((line) => !without.some((end) => line.endsWith(end))).join('\\r\\n');
    const began = performance.now();
    const shown = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    const response = await fetch(url, {
        method: 'POST', body: sdp, headers: { 'Content-Type': 'application/sdp' },
    });
    if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
    window.session = new URL(response.headers.get('Location'), url);
    await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    window.first = null;
    while (!window.first) {
        const all = [...(await pc.getStats()).values()];
        const inbound = all.find((s) => s.type === 'inbound-rtp' && s.kind === 'video');
        if (inbound?.framesDecoded > 0) window.first = performance.now() - began;
        else await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return window.first;
}"""
_SEEN = """async () => {
    const all = [...(await pc.getStats()).values()];
    const inbound = all.find((s) => s.type === 'inbound-rtp' && s.kind === 'video') ?? {};
    return [
        performance.now() / 1000,
        inbound.framesDecoded ?? 0,
        inbound.framesDropped ?? 0,
        inbound.freezeCount ?? 0,
        inbound.totalFreezesDuration ?? 0,
        inbound.jitterBufferDelay ?? 0,
        inbound.jitterBufferEmittedCount ?? 0,
        inbound.packetsLost ?? 0,
        inbound.retransmittedPacketsReceived ?? 0,
        inbound.pliCount ?? 0,
        inbound.nackCount ?? 0,
    ];
}"""
_STOP = """async () => { pc.close(); await fetch(session, { method: 'DELETE' }); video.remove(); }"""


@dataclass(frozen=True)
class Seen:
    """What a viewer has seen so far, or between two moments. Times are in seconds."""

    at: float
    decoded: int
    dropped: int
    freezes: int
    frozen: float
    buffered: float  # in the jitter buffer, of all frames together
    emitted: int
    lost: int  # packets
    retransmitted: int  # that came again, over RTX
    plis: int
    nacks: int

    def since(self, before: "Seen") -> "Seen":
        pairs = zip(vars(self).values(), vars(before).values(), strict=True)
        return Seen(*(now - then for now, then in pairs))

    @property
    def delay(self) -> float:
        """How long a frame waited in the jitter buffer."""
        return self.buffered / max(1, self.emitted)


class ViewerTab:
    def __init__(self, page: Page, first_picture: float) -> None:
        self.first_picture = first_picture  # seconds from the offer's POST to the first decoded frame
        self._page = page

    async def seen(self) -> Seen:
        return Seen(*await self._page.evaluate(_SEEN))

    async def sees(self, frames: int, within: float) -> None:
        """Wait until so many frames in all were decoded."""

        async def enough() -> bool:
            return (await self.seen()).decoded >= frames

        await eventually(f"{frames} frames", enough, within)


async def open_page(browser: Browser, server: str) -> Page:
    """A page of the server at that URL, in which `watching` may play, time after time."""
    page = await browser.new_page(viewport={"width": 160, "height": 120})
    await page.goto(f"{server}/healthz")
    return page


@contextlib.asynccontextmanager
async def watching(page: Page, url: str, *, without: tuple[str, ...] = ()) -> AsyncIterator[ViewerTab]:
    """Play `url` (WHEP) until left; entered with the first picture.

    Lines of the offer that end with one of `without` are left out.
    """
    first = await page.evaluate(_PLAY, [url, list(without)])
    try:
        yield ViewerTab(page, first / 1000)
    finally:
        await page.evaluate(_STOP)
