"""What is published in stereo is heard in stereo: a tone of its own on each side stays there."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.e2e.npm.conftest import examples, packed
from tests.support import aiortc_client
from tests.support.browser import OpenPage, chromium, open_publish_page, open_watch_page
from tests.support.firefox import firefox
from tests.support.foreign_client import running_client
from tests.support.plain_page import open_example
from tests.support.system import System, routable_address, running_system
from tests.support.two_tones import TwoTones, are_apart, in_file, separated, write
from tests.support.waiting import eventually
from tests.support.whip_ffmpeg import publish_command

__all__ = ["examples", "packed"]

HEAR_SECONDS = 15.0

WEBRTCBIN = Path(__file__).parents[1] / "support" / "webrtcbin_client.py"
PYTHON = "/usr/bin/python3"  # the system's, which has GStreamer

Publishing = Callable[[System, Browser, Path], AbstractAsyncContextManager[None]]

_RECORDED = """async (milliseconds) => {
    const sound = new MediaStream(document.querySelector('video').srcObject.getAudioTracks());
    const recorder = new MediaRecorder(sound, { mimeType: 'audio/ogg' });
    const recorded = new Promise((resolve) => { recorder.ondataavailable = ({ data }) => resolve(data); });
    recorder.start();
    setTimeout(() => recorder.stop(), milliseconds);
    const bytes = new Uint8Array(await (await recorded).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}"""
_PROCESSING = """() => {
    const [track] = document.getElementById('video').srcObject.getAudioTracks();
    const { echoCancellation, noiseSuppression, autoGainControl, channelCount } = track.getSettings();
    return [echoCancellation, noiseSuppression, autoGainControl, channelCount];
}"""

pytestmark = pytest.mark.e2e


async def test_music_of_the_publish_page_is_stereo_in_the_pages_and_the_recording(
    redis_url: str, tmp_path: Path
) -> None:
    tones = write(tmp_path / "tones.wav", 10)
    records = tmp_path / "records"
    async with (
        running_system(redis_url, RECORD_ENABLED="1", RECORD_DIR=str(records), PUBLISHER_GRACE="0") as system,
        chromium(None, f"--use-file-for-fake-audio-capture={tones}") as browser,
    ):
        url = system.controls[0].url
        async with await open_publish_page(browser, url, "music") as publisher:
            await publisher.page.get_by_label("Music").check()
            await publisher.publish()
            await publisher.tells("Live in music.")
            assert await publisher.page.is_disabled("#music")  # it requires another session
            assert await publisher.page.evaluate(_PROCESSING) == [False, False, False, 2]
            async with (
                await open_watch_page(browser, url, "music") as viewer,
                OpenPage(await browser.new_page()) as embedded,
            ):
                await embedded.page.goto(f"{url}/embed/music")
                both = await asyncio.gather(
                    are_apart(viewer.page, HEAR_SECONDS), are_apart(embedded.page, HEAR_SECONDS)
                )
                print(*both, sep="\n")

            def have_begun() -> bool:  # that of the picture with its first keyframe
                return {path.suffix for path in records.glob("music_*")} == {".ivf", ".ogg", ".webm"}

            await eventually("the files", have_begun, HEAR_SECONDS)
            await eventually("enough for the recording", lambda: on_air(publisher.page, 2), HEAR_SECONDS)
            await publisher.stop()
    # a busy browser may change its picture's size, and so begin another file
    for kind in ("*.ogg", "*.webm"):
        sides = in_file(max(records.glob(kind), key=lambda path: path.stat().st_size))
        print(kind, sides)
        assert separated(sides), kind


OBS = "minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1"


@contextlib.asynccontextmanager
async def obs(system: System, browser: Browser, tones: Path) -> AsyncIterator[None]:
    """What OBS says of its sound, and as it sends it, by aiortc."""
    client = aiortc_client.Client(system.http, system.whip("hall"))
    client.pc.addTransceiver(TwoTones(), direction="sendonly")
    client.pc.addTransceiver(aiortc_client.MovingBar(), direction="sendonly")
    client.says_of_opus = OBS
    async with client:
        yield


@contextlib.asynccontextmanager
async def ffmpeg(system: System, browser: Browser, tones: Path) -> AsyncIterator[None]:
    with running_client(
        publish_command(system.whip("hall"), (), sound=("-stream_loop", "-1", "-i", str(tones)))
    ):
        yield


@contextlib.asynccontextmanager
async def gstreamer(system: System, browser: Browser, tones: Path) -> AsyncIterator[None]:
    command = [PYTHON, str(WEBRTCBIN), "publish", "VP8", system.whip("hall"), str(tones)]
    with running_client(command):
        yield


@contextlib.asynccontextmanager
async def file(system: System, browser: Browser, tones: Path) -> AsyncIterator[None]:
    """On the publish page, which takes a file for music by itself."""
    async with await open_publish_page(browser, system.controls[0].url, "hall") as page:
        await page.page.check('input[value="file"]', force=True)
        await page.page.set_input_files("#file", tones)
        await page.page.click("#start")
        await page.tells("Live in hall.")
        yield


@pytest.mark.soak
@pytest.mark.parametrize("publishing", [ffmpeg, gstreamer, obs, file])
async def test_stereo_is_heard_by_page_frame_and_module_also_from_an_edge(
    redis_url: str, tmp_path: Path, examples: str, publishing: Publishing
) -> None:
    tones = write(tmp_path / "tones.wav", 60)
    with routable_address() as address:
        async with (
            running_system(redis_url, workers=2, media_ip=address, WORKER_MAX_VIEWERS="2") as system,
            chromium() as browser,
            publishing(system, browser, tones),
        ):
            await system.room_live("hall", HEAR_SECONDS)
            url = system.controls[0].url
            async with (
                await open_watch_page(browser, url, "hall") as viewer,
                OpenPage(await browser.new_page()) as embedded,
                await open_example(browser, f"{examples}plain/") as module,
            ):
                print("page  ", await are_apart(viewer.page, HEAR_SECONDS))
                await embedded.page.goto(f"{url}/embed/hall")
                print("frame ", await are_apart(embedded.page, HEAR_SECONDS))
                await module.start("play", whep=system.whep("hall"))
                print("module", await are_apart(module.page, HEAR_SECONDS))
                detail = (await system.http.get(f"{url}/api/rooms/hall")).json()
                assert len(detail["workers"]) == 2, detail


@pytest.mark.soak
async def test_firefox_plays_stereo_too(redis_url: str, tmp_path: Path) -> None:
    """By a recording of its own: without a loudspeaker its Web Audio stands."""
    tones = write(tmp_path / "tones.wav", 10)
    with routable_address() as address:
        async with (
            running_system(redis_url, media_ip=address) as system,
            chromium(None, f"--use-file-for-fake-audio-capture={tones}") as browser,
            firefox() as watching,
            await open_publish_page(browser, system.controls[0].url, "hall") as publisher,
            await watching.watch_page(system.controls[0].url, "hall") as viewer,
        ):
            await publisher.page.get_by_label("Music").check()
            await publisher.publish()
            await viewer.tells("Watching hall.", 2 * HEAR_SECONDS)
            heard = tmp_path / "heard.ogg"
            heard.write_bytes(base64.b64decode(await viewer.page.evaluate(_RECORDED, 4_000)))
    sides = in_file(heard)
    print("Firefox", sides)
    assert separated(sides)


@pytest.mark.soak
async def test_without_music_both_tones_are_on_both_sides(redis_url: str, tmp_path: Path) -> None:
    """So that what the others measure is what the switch does."""
    tones = write(tmp_path / "tones.wav", 10)
    async with (
        running_system(redis_url) as system,
        chromium(None, f"--use-file-for-fake-audio-capture={tones}") as browser,
        await open_publish_page(browser, system.controls[0].url, "talk") as publisher,
        await open_watch_page(browser, system.controls[0].url, "talk") as viewer,
    ):
        await publisher.publish()
        await viewer.sees_and_hears(HEAR_SECONDS, frames=10)
        with pytest.raises(AssertionError, match="a tone on each side"):
            await are_apart(viewer.page, within=3)


async def on_air(page: Page, seconds: int) -> bool:
    """Whether the publish page has been live that long."""
    return int((await page.inner_text("#on-air-time"))[-2:]) >= seconds
