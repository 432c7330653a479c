"""Chromium as a publisher without our pages: a noisy picture, and an offer as the test wants it."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Page

FRAME_RATE = 15  # few and small pictures: the line is the limit, not the processor

# Pictures of noise, drawn in turn: no encoder can foresee them, and each bit rate can be reached.
_PUBLISH = """async ([whip, width, height, grain, encodings, codec]) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext('2d');
    const pictures = Array.from({ length: 16 }, () => {
        const picture = context.createImageData(width, height);
        const columns = Math.ceil(width / grain);
        const grains = columns * Math.ceil(height / grain);
        const shades = Array.from({ length: grains }, () => Math.random() * 255);
        for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
            const shade = shades[Math.floor(y / grain) * columns + Math.floor(x / grain)];
            picture.data.set([shade, shade, shade, 255], 4 * (y * width + x));
        }
        return picture;
    });
    let number = 0;
    setInterval(() => context.putImageData(pictures[number++ % 16], 0, 0), 1000 / 15);
    const [track] = canvas.captureStream(15).getVideoTracks();
    const peer = window.peer = new RTCPeerConnection();
    const transceiver = peer.addTransceiver(track, { direction: 'sendonly', sendEncodings: encodings });
    const codecs = RTCRtpSender.getCapabilities('video').codecs;
    const wanted = (one) => one.mimeType === codec || one.mimeType === 'video/rtx';
    transceiver.setCodecPreferences(codecs.filter(wanted));
    await peer.setLocalDescription();
    const answer = await fetch(whip, {
        method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription.sdp,
    });
    if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
    const sdp = await answer.text();
    await peer.setRemoteDescription({ type: 'answer', sdp });
    return [peer.localDescription.sdp, sdp];
}"""
_SENT = """async () => {
    const all = [...(await peer.getStats()).values()];
    return all.filter((s) => s.type === 'outbound-rtp').map((s) => ({
        at: s.timestamp / 1000, octets: s.bytesSent ?? 0, rid: s.rid ?? '', height: s.frameHeight ?? 0,
        frames: s.framesSent ?? 0, target: s.targetBitrate ?? 0, active: s.active ?? true,
        keyframes: s.keyFramesEncoded ?? 0,
    }));
}"""


@dataclass(frozen=True)
class Sent:
    """What one layer has sent so far, at `at` (seconds)."""

    at: float
    octets: int
    rid: str
    height: int
    frames: int
    target: float  # bit/s that congestion control allows
    active: bool
    keyframes: int


class ScriptPublisher:
    def __init__(self, page: Page, offer: str, answer: str) -> None:
        self.page = page
        self.offer = offer
        self.answer = answer

    async def sent(self) -> list[Sent]:
        """Of each layer."""
        return [Sent(**layer) for layer in await self.page.evaluate(_SENT)]


@contextlib.asynccontextmanager
async def script_publisher(
    browser: Browser,
    url: str,
    room: str,
    encodings: Sequence[dict[str, Any]] = ({},),
    *,
    size: tuple[int, int] = (320, 240),
    grain: int = 4,
    codec: str = "video/VP8",
) -> AsyncIterator[ScriptPublisher]:
    """Publish into `room` at `url` with those `sendEncodings`; `size`, and the noise's `grain`, in pixels."""
    page = await browser.new_page()
    try:
        await page.goto(f"{url}/healthz")
        whip = f"{url}/api/whip/publish/{room}"
        offer, answer = await page.evaluate(_PUBLISH, [whip, *size, grain, list(encodings), codec])
        yield ScriptPublisher(page, offer, answer)
    finally:
        await page.close()
