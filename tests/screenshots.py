"""`python -m tests.screenshots`: a picture of each page, light and dark, on a desktop and on a phone.

Into `test-artifacts/screenshots/`, for people to look at. Rooms are live: a landscape is published to them.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from deploy.valkey import EmbeddedValkey
from tests.support.browser import chromium
from tests.support.system import System, running_system

FOLDER = Path("test-artifacts/screenshots")
DEVICES = {
    "desktop": ViewportSize(width=1280, height=800),
    "phone": ViewportSize(width=390, height=844),
}
ADMIN_TOKEN = "screenshots"
LIVE_ROOMS = ("studio", "garden-cam", "keynote")
ONE_SCREEN = ("embed", "recordings-player", "admin-question")
LIVE_MS = 20_000
CHART_MS = 12_000  # until a chart has something to show

# Hills, a low sun and slow clouds: it moves, and it is not a test card.
_LANDSCAPE = """window.landscape = () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1280, 720];
    const c = canvas.getContext('2d');
    const hills = (base, height, colour, at) => {
        c.fillStyle = colour;
        c.beginPath();
        c.moveTo(0, 720);
        for (let x = 0; x <= 1280; x += 16) {
            c.lineTo(x, base - height * (Math.sin(x / 210 + at) + 0.5 * Math.sin(x / 83 + 2 * at)));
        }
        c.lineTo(1280, 720);
        c.fill();
    };
    const draw = () => {
        const now = performance.now() / 1000;
        const sky = c.createLinearGradient(0, 0, 0, 560);
        const colours = { 0: '#27407c', 0.45: '#8a6aa8', 0.85: '#f2a27a', 1: '#ffd9a0' };
        for (const [at, colour] of Object.entries(colours)) sky.addColorStop(at, colour);
        c.fillStyle = sky;
        c.fillRect(0, 0, 1280, 720);
        c.fillStyle = '#fff0cf';
        c.beginPath();
        c.arc(860, 380 + 6 * Math.sin(now), 62, 0, 7);
        c.fill();
        hills(470, 36, '#6d5a8c', 1 + now / 40);
        hills(540, 44, '#40416e', 3 + now / 20);
        hills(640, 40, '#1d2347', 5 + now / 10);
    };
    draw();
    setInterval(draw, 40);
    const stream = canvas.captureStream(25);
    const sound = new AudioContext();
    const tone = new OscillatorNode(sound, { frequency: 220 });
    const quiet = new GainNode(sound, { gain: 0.1 });
    const out = sound.createMediaStreamDestination();
    tone.connect(quiet).connect(out);
    tone.start();
    stream.addTrack(out.stream.getAudioTracks()[0]);
    return stream;
};
navigator.mediaDevices.getUserMedia = async () => window.landscape();
"""
_PUBLISH = """async (room) => {
    const stream = landscape();
    const pc = new RTCPeerConnection();
    for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: 'sendonly' });
    await pc.setLocalDescription();
    const answer = await fetch(`/api/whip/publish/${room}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: pc.localDescription.sdp,
    });
    await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    window.keep = [pc, stream];
}"""


async def _playing(page: Page) -> None:
    await page.locator(".stage[data-state=live]").wait_for(timeout=LIVE_MS)
    await page.wait_for_function("document.querySelector('video').videoWidth > 0")
    await page.locator("#viewers").wait_for()


async def _with_figures(page: Page) -> None:
    await _playing(page)
    await page.keyboard.press("i")
    await page.locator("#figures dt").first.wait_for(timeout=LIVE_MS)


async def _listed(page: Page) -> None:
    await page.locator(".room").nth(len(LIVE_ROOMS) - 1).wait_for(timeout=LIVE_MS)


async def _told(page: Page) -> None:
    await page.get_by_text("is not live yet").wait_for(timeout=LIVE_MS)


async def _embedded(page: Page) -> None:
    await page.locator(".stage[data-state=live]").wait_for(timeout=LIVE_MS)


async def _published(page: Page) -> None:
    await page.click("#start")
    await page.locator("#statistics").wait_for(timeout=LIVE_MS)
    await page.wait_for_timeout(CHART_MS)


async def _filmed(page: Page) -> None:
    await page.get_by_role("button", name="Play").nth(1).wait_for(timeout=LIVE_MS)


async def _player(page: Page) -> None:
    await page.get_by_role("button", name="Play").last.click(timeout=LIVE_MS)
    await page.wait_for_function("() => document.querySelector('#player-video').currentTime > 1")


async def _operated(page: Page) -> None:
    await page.fill("#token", ADMIN_TOKEN)
    await page.click("#gate button")
    await page.locator("#sessions tr").nth(len(LIVE_ROOMS) - 1).wait_for(timeout=LIVE_MS)


async def _asked(page: Page) -> None:
    await _operated(page)
    await page.get_by_role("button", name="Close studio").click()


async def _at_the_gate(page: Page) -> None:
    await page.locator("#gate").wait_for()


async def _ready_to_publish(page: Page) -> None:
    await page.get_by_text("api/whip/publish").first.wait_for()


Shot = tuple[str, str, Callable[[Page], Awaitable[object]]]
# name, path, and what to wait for or do before the picture is taken
SHOTS: list[Shot] = [
    ("home", "/", _listed),
    ("watch", "/watch/studio", _playing),
    ("watch-figures", "/watch/studio", _with_figures),
    ("watch-waiting", "/watch/not-yet", _told),
    ("embed", "/embed/studio", _embedded),
    ("publish", "/publish/my-room", _ready_to_publish),
    ("publish-live", "/publish/my-room", _published),
    ("recordings", "/recordings", _filmed),
    ("recordings-player", "/recordings", _player),
    ("admin", "/admin", _operated),
    ("admin-question", "/admin", _asked),
    ("admin-token", "/admin", _at_the_gate),
]


async def take(browser: Browser, system: System, shot: Shot, device: str, scheme: str) -> None:
    name, path, prepare = shot
    context: BrowserContext = await browser.new_context(
        viewport=DEVICES[device],
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=device == "phone",
    )
    await context.add_init_script(_LANDSCAPE)
    page = await context.new_page()
    await page.goto(system.controls[0].url + path)
    await prepare(page)
    await page.screenshot(path=FOLDER / f"{name}-{device}-{scheme}.png", full_page=name not in ONE_SCREEN)
    await context.close()


async def main(only: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    valkey = EmbeddedValkey()
    valkey.start()
    records = tempfile.TemporaryDirectory()
    settings = {"ADMIN_TOKEN": ADMIN_TOKEN, "RECORD_ENABLED": "1", "RECORD_DIR": records.name}
    try:
        async with running_system(valkey.url, workers=2, **settings) as system, chromium() as browser:
            for room in LIVE_ROOMS:
                tab = await browser.new_page()
                await tab.add_init_script(_LANDSCAPE)
                await tab.goto(system.controls[0].url)
                await tab.evaluate(_PUBLISH, room)
                await system.room_live(room, within=10)
            for shot in SHOTS:
                for device in DEVICES:
                    for scheme in ("light", "dark"):
                        if only in shot[0]:
                            await take(browser, system, shot, device, scheme)
    finally:
        valkey.stop()
        records.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ""))
