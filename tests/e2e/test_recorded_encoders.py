"""Streams of encoders through the whole system: what viewers are warned of, and what is in the files."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.integration.recording.test_frame_times import KINDS, assert_ffmpeg_says_nothing
from tests.support.browser import chromium, open_recordings_page
from tests.support.encoder_publisher import publish
from tests.support.recording_player import play
from tests.support.rtp_source import audio, video
from tests.support.system import System, running_system
from tests.support.tab_player import open_page
from tests.support.viewer_tab import watching
from tests.support.waiting import eventually

DONE_SECONDS = 15.0
MARKS = (1.0, 2.0, 3.0, 4.0, 5.0)
# Rooms: what is published, and how the warning about it begins.
ROOMS: dict[str, tuple[str, str]] = {
    "even": ("H264", ""),
    "reordered": ("H264 with B-frames", "the publisher sends B-frames"),
    "decoding": ("H264 with B-frames, by decoding", "the publisher sends B-frames"),
    "hidden": ("AV1 with hidden frames", "the publisher sends hidden frames"),
    "shown": ("AV1", ""),
}

pytestmark = pytest.mark.e2e


async def warnings(system: System, room: str) -> list[str]:
    response = await system.http.get(f"{system.controls[0].url}/api/rooms/{room}")
    return list(response.json().get("warnings", []))


async def published(system: System, room: str, seconds: float, **how: Any) -> None:
    """Publish to the room; its warnings are what they should be."""
    kind, expected = ROOMS[room]
    codec, options = KINDS[kind]
    sound = await asyncio.to_thread(audio, seconds, beeps=MARKS)
    picture = await asyncio.to_thread(video, codec, seconds, flashes=MARKS, **options, **how)
    sending = asyncio.create_task(publish(system.http, system.whip(room), codec, sound, picture))
    await system.room_live(room, within=DONE_SECONDS)
    if expected:

        async def warned() -> bool:
            return any(one.startswith(expected) for one in await warnings(system, room))

        await eventually("viewers are warned", warned, within=seconds)
    else:
        await asyncio.sleep(seconds / 2)  # as long as the others take at most
        assert await warnings(system, room) == []
    await sending
    await system.room_gone(room, DONE_SECONDS)


@pytest.mark.soak
@pytest.mark.alone
@pytest.mark.parametrize("room", ROOMS)
async def test_what_chromium_shows_live_and_of_the_file(redis_url: str, tmp_path: Path, room: str) -> None:
    """Live it shows no B-frames, but the file is whole. Hidden frames it shows as FFmpeg packs them."""
    settings = {"RECORD_ENABLED": "1", "RECORD_DIR": str(tmp_path), "RECORD_FORMATS": "mux"}
    async with running_system(redis_url, **settings) as system, chromium() as browser:
        publishing = asyncio.create_task(published(system, room, 10.0, keyframe_every=2.0))
        await system.room_live(room, within=DONE_SECONDS)
        page = await open_page(browser, system.controls[0].url)
        async with watching(page, system.whep(room)) as viewer:
            before = await viewer.seen()
            await asyncio.sleep(4)  # two intervals of keyframes
            seen = (await viewer.seen()).since(before)
        await publishing
        [path] = tmp_path.glob(f"{room}_*")
        recordings = await open_recordings_page(browser, system.controls[0].url)
        async with recordings as opened:
            played = await play(opened.page, f"/records/{path.name}")
    print(room, seen, played, sep="\n")
    assert (seen.decoded > 100) == ("B-frames" not in ROOMS[room][0])
    assert not played.trouble
    assert_ffmpeg_says_nothing(path)
