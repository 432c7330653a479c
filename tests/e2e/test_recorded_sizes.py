"""Chromium changes the size of its picture on the way: the files have all of it, as players take it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.e2e.test_recording import DONE_SECONDS, NO_GRACE, PUBLISH_FLASHES_AND_BEEPS
from tests.support.browser import chromium, open_publish_page
from tests.support.recorded import Recorded, read, reads_without_a_word
from tests.support.recording_player import Played, play
from tests.support.system import System, running_system
from tests.support.waiting import eventually

SIZES = [(640, 360), (320, 180), (640, 360)]
SECONDS = 2.0  # of each size
IN_ONE_FILE = ("VP8", "VP9")  # the others say their size at the beginning of a file
LOST_SECONDS = 0.5  # at most where a part ends: until the keyframe with which the next one begins

pytestmark = pytest.mark.e2e

_SCALE = """async (by) => {
    const sender = publisher.getSenders().find((one) => one.track.kind === 'video');
    const parameters = sender.getParameters();
    parameters.encodings[0].scaleResolutionDownBy = by;
    await sender.setParameters(parameters);
}"""
_HEIGHT = """async () => {
    const all = [...(await publisher.getStats()).values()];
    return all.find((s) => s.type === 'outbound-rtp' && s.kind === 'video')?.frameHeight ?? 0;
}"""


@dataclass(frozen=True)
class Part:
    """A file with sound and picture: as FFmpeg reads it, and as Chromium plays it."""

    recorded: Recorded
    played: Played


@pytest.mark.soak  # an encoder on a busy machine takes its time to change sizes
@pytest.mark.parametrize("codecs", [("VP8", "H264"), ("VP9", "AV1")], ids="-".join)
async def test_a_picture_that_changes_its_size_is_recorded_and_plays(
    redis_url: str, tmp_path: Path, codecs: tuple[str, ...]
) -> None:
    settings = {"RECORD_ENABLED": "1", "RECORD_DIR": str(tmp_path), **NO_GRACE}
    async with running_system(redis_url, **settings) as system, chromium() as browser:
        recordings = await asyncio.gather(*(_recorded(system, browser, tmp_path, one) for one in codecs))
    for codec, parts in zip(codecs, recordings, strict=True):
        if parts is not None:
            _assert_whole(parts, codec)
    for path in tmp_path.glob("[!.]*.*"):
        reads_without_a_word(path)
        if path.suffix in (".ivf", ".h264"):
            assert read(path).sizes == SIZES


async def _recorded(system: System, browser: Browser, folder: Path, codec: str) -> list[Part] | None:
    """Publish in `codec`, then play the files. None where this Chromium has no H.264 encoder."""
    async with await open_publish_page(browser, system.controls[0].url, codec) as opened:
        if f"video/{codec}" not in await opened.sendable_codecs():
            assert codec == "H264", "this Chromium cannot send what every Chromium can"
            return None
        await _publish(opened.page, system.whip(codec), codec)
        await system.room_gone(codec, DONE_SECONDS)
        names = sorted(path.name for path in folder.glob(f"{codec}_[0-9]*.*"))
        return [Part(read(folder / name), await play(opened.page, f"/records/{name}")) for name in names]


async def _publish(page: Page, url: str, codec: str) -> None:
    await page.evaluate(PUBLISH_FLASHES_AND_BEEPS, {"url": url, "codec": f"video/{codec}"})
    for width, height in SIZES:
        await page.evaluate(_SCALE, SIZES[0][0] / width)

        async def is_sent(height: int = height) -> bool:
            return bool(await page.evaluate(_HEIGHT) == height)

        await eventually(f"it sends {height} rows", is_sent, within=10)
        await asyncio.sleep(SECONDS)  # the length of the stream is what the test is about
    await page.evaluate("publisher.close()")


def _assert_whole(parts: list[Part], codec: str) -> None:
    print(codec, *parts, sep="\n")
    assert len(parts) == (1 if codec in IN_ONE_FILE else len(SIZES))
    assert [size for part in parts for size in part.recorded.sizes] == SIZES
    assert sum(part.recorded.seconds for part in parts) >= len(SIZES) * (SECONDS - LOST_SECONDS)
    assert [size for part in parts for size in part.played.sizes] == SIZES
    assert [size for part in parts for size in part.played.pages] == SIZES
    for part in parts:
        assert not part.played.trouble
        assert part.recorded.longest_gap < LOST_SECONDS
        assert part.played.gap < 2 * LOST_SECONDS  # a busy machine leaves out what it decodes too late
        assert part.played.until == pytest.approx(part.recorded.declared_seconds, abs=0.1)
