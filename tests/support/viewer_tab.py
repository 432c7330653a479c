"""A bare player in a tab of Chromium: the test decides what it offers; it reports how well it sees."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from playwright.async_api import Page

from tests.support.waiting import eventually

_PLAY = """async ([url, without]) => {
    const lines = (await offer({ muted: true })).split('\\r\\n');
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
        if (inbound(await stats(), 'video').framesDecoded > 0) window.first = performance.now() - began;
        else await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return window.first;
}"""
_SEEN = """async () => {
    const video = inbound(await stats(), 'video');
    return [
        performance.now() / 1000,
        video.framesDecoded ?? 0,
        video.framesDropped ?? 0,
        video.freezeCount ?? 0,
        video.totalFreezesDuration ?? 0,
        video.jitterBufferDelay ?? 0,
        video.jitterBufferEmittedCount ?? 0,
        video.packetsLost ?? 0,
        video.retransmittedPacketsReceived ?? 0,
        video.pliCount ?? 0,
        video.nackCount ?? 0,
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


@contextlib.asynccontextmanager
async def watching(page: Page, url: str, *, without: tuple[str, ...] = ()) -> AsyncIterator[ViewerTab]:
    """Play `url` (WHEP) until left, in an open page; entered with the first picture.

    Lines of the offer that end with one of `without` are left out.
    """
    first = await page.evaluate(_PLAY, [url, list(without)])
    try:
        yield ViewerTab(page, first / 1000)
    finally:
        await page.evaluate(_STOP)
