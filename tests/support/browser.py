"""Chromium on our pages: publishing its fake camera, watching, and what it got to see and hear."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.support.namespaces import Namespace
from tests.support.waiting import eventually

LIVE_SECONDS = 20.0
ARTIFACTS = Path("test-artifacts")
# The first that is installed is used: without windows Chromium takes half the processor time.
EXECUTABLES = ("chromium-headless-shell", "chromium", "chromium-browser")
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

T = TypeVar("T", bound="OpenPage")

RECORD_CONNECTIONS = """
    const Native = RTCPeerConnection;
    window.connections = [];
    window.RTCPeerConnection = class extends Native {
        constructor(given) { super({ ...given, iceTransportPolicy: 'all' }); connections.push(this); }
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
    return [...data].filter((_, i) => i % 4 < 3);
}"""


@dataclass(frozen=True)
class Received:
    """What the newest peer connection of a page has received."""

    frames_decoded: int
    video_codec: str  # "video/VP8"
    audio_samples: int  # decoded from packets, not made up to conceal loss
    audio_energy: float
    audio_codec: str


class OpenPage:
    """A page in one tab. Leaving it fails on errors in the console, but for `expected_statuses`."""

    def __init__(self, page: Page, expected_statuses: Sequence[int] = ()) -> None:
        self.page = page
        self.errors: list[str] = []
        self._expected = tuple(f"the server responded with a status of {code}" for code in expected_statuses)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _on_console(self, message: ConsoleMessage) -> None:
        # Chromium reports each refused fetch as an error, however well the page deals with it
        if message.type == "error" and not any(expected in message.text for expected in self._expected):
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        await self.page.close()
        assert kind or not self.errors, self.errors

    async def tells(self, words: str, within: float = LIVE_SECONDS) -> None:
        """Wait until the page's line of words has `words`."""

        line = ""

        async def told() -> bool:
            nonlocal line
            line = await self.page.text_content("#status") or ""
            return words in line

        try:
            await eventually(f"told: {words}", told, within)
        except AssertionError as error:
            raise AssertionError(f"{error}; the page tells {line!r}; its errors: {self.errors}") from None

    async def will_tell(self, words: str) -> None:
        """Wait until that line gets `words`, from now on and however briefly."""
        await self.page.evaluate(
            """words => new Promise((done) => {
                const line = document.querySelector('#status');
                const look = () => line.textContent.includes(words) && done();
                const all = { childList: true, characterData: true, subtree: true };
                new MutationObserver(look).observe(line, all);
            })""",
            words,
        )

    async def shows(self, words: str, within: float = LIVE_SECONDS) -> None:
        """Wait until `words` are visible."""
        await self.page.get_by_text(words).first.wait_for(timeout=1000 * within)

    async def enter_token(self, token: str) -> None:
        """Answer the dialog that asks for one."""
        await self.page.fill("dialog[open] input", token)
        await self.page.click("dialog[open] button[type=submit]")

    async def screenshot(self, name: str) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


class AdminPage(OpenPage):
    """`/admin`."""

    async def sign_in(self, token: str) -> None:
        await self.page.fill("#token", token)
        await self.page.click("#gate button")


class PublishPage(OpenPage):
    """`/publish/{room}`."""

    async def sendable_codecs(self) -> set[str]:
        """The video codecs that this browser says it can send and the page offers, `video/VP8`."""
        sendable = await self.page.evaluate(
            "RTCRtpSender.getCapabilities('video').codecs.map((codec) => codec.mimeType)"
        )
        offered = await self.page.eval_on_selector_all("#codec option", "all => all.map((o) => o.value)")
        return set(sendable) & set(offered)

    async def publish(self, codec: str = "", picture: str = "360") -> None:
        """Press Publish; `codec` is a value of the page's choice, `video/VP8`."""
        await self.page.select_option("#codec", codec)
        await self.page.select_option("#picture", picture)
        await self.page.click("#start")

    async def stop(self) -> None:
        await self.page.click("#stop")


class WatchPage(OpenPage):
    """`/watch/{room}`: it plays at once, muted."""

    async def video(self, attribute: str) -> object:
        """An attribute of the video element as it is now."""
        return await self.page.evaluate("(name) => document.getElementById('video')[name]", attribute)

    async def pictures(self, frames: int = 5, within: float = LIVE_SECONDS) -> None:
        """Wait until that many more frames are shown."""
        shown = "document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames"
        before: int = await self.page.evaluate(shown)

        async def enough() -> bool:
            now: int = await self.page.evaluate(shown)
            return now >= before + frames or frames <= now < before  # it counts anew with each stream

        await eventually(f"{frames} more frames", enough, within)

    async def received(self) -> Received:
        return Received(**await self.page.evaluate(_RECEIVED))

    async def sees_and_hears(self, within: float, frames: int = 100, silent: bool = False) -> Received:
        """Switch the sound on; wait for enough frames, sound (unless `silent`), and a picture that moves."""
        if await self.page.evaluate("document.getElementById('video').muted"):
            await self.page.click("#sound")

        async def enough() -> Received | None:
            received = await self.received()
            heard = silent or (received.audio_samples > 48_000 and received.audio_energy > 0)
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
        """Red, green and blue (0 to 255) of 64 by 36 points of what is watched."""
        return cast(list[float], await self.page.evaluate(_PICTURE, "video"))


@contextlib.asynccontextmanager
async def chromium(
    namespace: Namespace | None = None, *flags: str, home: Path | None = None
) -> AsyncIterator[Browser]:
    """A Chromium of its own, headless and off the network; in `namespace`, if there is one.

    `home` may hold the certificates that it trusts.
    """
    executable = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    assert executable, "the browser tests need Chromium: apt-get install chromium"
    async with contextlib.AsyncExitStack() as stack:
        if namespace is not None:
            executable = str(stack.enter_context(namespace.program(executable)))
        playwright = await stack.enter_async_context(async_playwright())
        environment: dict[str, str | float | bool] = {**os.environ, **({"HOME": str(home)} if home else {})}
        browser = await playwright.chromium.launch(
            executable_path=executable, args=[*FLAGS, *flags], env=environment
        )
        try:
            yield browser
        finally:
            await browser.close()


async def open_home_page(browser: Browser, url: str) -> OpenPage:
    """Of the server at `url`, as those that follow; `how` is for `_open`."""
    return await _open(OpenPage, browser, f"{url}/")


async def open_publish_page(browser: Browser, url: str, room: str, **how: Any) -> PublishPage:
    return await _open(PublishPage, browser, f"{url}/publish/{room}", **how)


async def open_watch_page(browser: Browser, url: str, room: str, **how: Any) -> WatchPage:
    return await _open(WatchPage, browser, f"{url}/watch/{room}", **how)


async def open_recordings_page(browser: Browser, url: str, **how: Any) -> OpenPage:
    return await _open(OpenPage, browser, f"{url}/recordings", **how)


async def open_admin_page(browser: Browser, url: str, **how: Any) -> AdminPage:
    return await _open(AdminPage, browser, f"{url}/admin", **how)


async def _open(
    kind: type[T],
    browser: Browser,
    url: str,
    *,
    expected_statuses: Sequence[int] = (),
    relay_only: bool = False,
) -> T:
    """`relay_only`: its media goes through a TURN server, or not at all."""
    page = await browser.new_page(viewport={"width": 1100, "height": 820})
    opened = kind(page, expected_statuses)
    record = RECORD_CONNECTIONS.replace("'all'", "'relay'") if relay_only else RECORD_CONNECTIONS
    await page.add_init_script(record)
    await page.goto(url)
    return opened
