"""What is published in stereo is heard in stereo: a tone of its own on each side stays there."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.support.browser import OpenPage, chromium, open_publish_page, open_watch_page
from tests.support.system import running_system
from tests.support.two_tones import are_apart, in_file, separated, write
from tests.support.waiting import eventually

HEAR_SECONDS = 15.0
DONE_SECONDS = 10.0

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
            await eventually("enough for the recording", lambda: on_air(publisher.page, 2), HEAR_SECONDS)
            await publisher.stop()

            def complete() -> bool:
                return {path.suffix for path in records.glob("music_*")} == {".ivf", ".ogg", ".webm"}

            await eventually("the files", complete, DONE_SECONDS)
    files = [*records.glob("*.ogg"), *records.glob("*.webm")]
    assert len(files) == 2
    for path in files:
        sides = in_file(path)
        print(path.suffix, sides)
        assert separated(sides), path.name


async def on_air(page: Page, seconds: int) -> bool:
    """Whether the publish page has been live that long."""
    return int((await page.inner_text("#on-air-time"))[-2:]) >= seconds
