"""Chromium on the first page: publishing its fake camera, watching, and what it got to see and hear."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, cast

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.support.waiting import eventually

LIVE_SECONDS = 20.0
ARTIFACTS = Path("test-artifacts")
FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # WebRTC over loopback, without announcing names to the network
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    # nothing else goes to the network
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
]

Panel = Literal["publish", "watch"]

_RECORD_CONNECTIONS = """
    const Native = RTCPeerConnection;
    window.connections = [];
    window.RTCPeerConnection = class extends Native {
        constructor(...given) { super(...given); connections.push(this); }
    };
"""
_RECEIVED = """async () => {
    const all = [...(await connections.at(-1)?.getStats() ?? new Map()).values()];
    const inbound = (kind) => all.find((s) => s.type === 'inbound-rtp' && s.kind === kind) ?? {};
    const codec = (s) => all.find(({ id }) => id === s.codecId)?.mimeType ?? '';
    const [video, audio] = [inbound('video'), inbound('audio')];
    return {
        frames_decoded: video.framesDecoded ?? 0,
        video_codec: codec(video),
        audio_samples: (audio.totalSamplesReceived ?? 0) - (audio.concealedSamples ?? 0),
        audio_energy: audio.totalAudioEnergy ?? 0,
        audio_codec: codec(audio),
    };
}"""
_PICTURE = """(id) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [64, 36];
    const context = canvas.getContext('2d');
    context.drawImage(document.getElementById(id), 0, 0, 64, 36);
    const { data } = context.getImageData(0, 0, 64, 36);
    return Array.from({ length: 64 * 36 }, (_, i) => (data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 3);
}"""


@dataclass(frozen=True)
class Received:
    """What the newest peer connection of a page has received."""

    frames_decoded: int
    video_codec: str  # "video/VP8"
    audio_samples: int  # decoded from packets, not made up to conceal loss
    audio_energy: float
    audio_codec: str


class FirstPage:
    """The first page in one tab. Leaving it fails on errors in the console, but for `expected_statuses`."""

    def __init__(self, page: Page, expected_statuses: Sequence[int] = ()) -> None:
        self.page = page
        self.errors: list[str] = []
        self._expected = tuple(f"the server responded with a status of {code}" for code in expected_statuses)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _on_console(self, message: ConsoleMessage) -> None:
        # Chromium reports each refused fetch as an error, however well the page deals with it
        if message.type == "error" and not any(expected in message.text for expected in self._expected):
            self.errors.append(message.text)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        await self.page.close()
        assert kind or not self.errors, self.errors

    async def sendable_codecs(self) -> set[str]:
        """The video codecs that this browser says it can send and the page offers, `video/VP8`."""
        sendable = await self.page.evaluate(
            "RTCRtpSender.getCapabilities('video').codecs.map((codec) => codec.mimeType)"
        )
        offered = await self.page.eval_on_selector_all("#codec option", "all => all.map((o) => o.value)")
        return set(sendable) & set(offered)

    async def enter_token(self, token: str) -> None:
        await self.page.fill("#token", token)

    async def publish(self, codec: str = "", picture: str = "360") -> None:
        """Press Publish; `codec` is a value of the page's choice, `video/VP8`."""
        await self.page.select_option("#codec", codec)
        await self.page.select_option("#picture", picture)
        await self.page.click("#publish-start")

    async def watch(self) -> None:
        await self.page.click("#watch-start")

    async def stop(self, panel: Panel) -> None:
        await self.page.click(f"#{panel}-stop")

    async def tells(self, panel: Panel, words: str, within: float = LIVE_SECONDS) -> None:
        """Wait until the panel's line says `words`."""

        async def told() -> bool:
            line = await self.page.text_content(f"#{panel}-status") or ""
            return words in line

        await eventually(f"{panel}: {words}", told, within)

    async def received(self) -> Received:
        return Received(**await self.page.evaluate(_RECEIVED))

    async def sees_and_hears(self, within: float, frames: int = 100) -> Received:
        """Wait until enough frames and sound were decoded, and the picture is neither black nor still."""

        async def enough() -> Received | None:
            received = await self.received()
            heard = received.audio_samples > 48_000 and received.audio_energy > 0
            return received if heard and received.frames_decoded >= frames else None

        received: Received = await eventually(
            f"{frames} frames and a second of sound", enough, within, every=0.2
        )
        first = await self._picture()
        assert sum(first) / len(first) > 16, "the picture is black"

        async def moved() -> bool:
            now = await self._picture()
            return sum(abs(a - b) > 32 for a, b in zip(first, now, strict=True)) > 8

        await eventually("the picture moves", moved, within=5)
        return received

    async def _picture(self) -> list[float]:
        """Brightness (0 to 255) of 64 by 36 points of what is watched."""
        return cast(list[float], await self.page.evaluate(_PICTURE, "watch-video"))

    async def screenshot(self, name: str) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A Chromium of its own, headless and off the network."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    assert executable, "the browser tests need Chromium: apt-get install chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


async def open_first_page(
    browser: Browser, url: str, room: str, *, expected_statuses: Sequence[int] = ()
) -> FirstPage:
    """The first page of the server at `url`, with `room` filled in."""
    page = await browser.new_page(viewport={"width": 1100, "height": 820})
    first_page = FirstPage(page, expected_statuses)
    await page.add_init_script(_RECORD_CONNECTIONS)
    await page.goto(f"{url}/?room={room}")
    return first_page
