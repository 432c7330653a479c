"""Chromium publishes its camera and microphone, a second Chromium watches, in each codec it can send.

To encode VP9 and AV1 takes a core. What it sends by its own choice is watched in `make test` by pages/.
"""

import asyncio

import pytest

from media.transport.ice import CONSENT_SECONDS
from tests.support.browser import chromium, open_publish_page, open_watch_page
from tests.support.client_runs import ClientRuns
from tests.support.client_stage import client_stage

WATCH_SECONDS = 30.0
FRAMES = 30
AUTOMATIC = ""
ALWAYS_SENDABLE = {"video/VP8", "video/VP9", "video/AV1"}  # H.264 depends on how this Chromium was built

pytestmark = [pytest.mark.e2e, pytest.mark.soak]


@pytest.mark.client("Chromium", "publishes")
@pytest.mark.client("Chromium", "plays")
async def test_a_second_chromium_sees_and_hears_each_codec_of_the_first(
    redis_url: str, client_runs: ClientRuns
) -> None:
    async with client_stage(redis_url) as stage, chromium() as sender, chromium() as receiver:
        system, url = stage.system, stage.url
        async with await open_publish_page(sender, url, "codecs") as page:
            codecs = await page.sendable_codecs()
        assert codecs >= ALWAYS_SENDABLE
        for codec in [AUTOMATIC, *sorted(codecs)]:
            room = codec.removeprefix("video/") or "automatic"
            async with await open_publish_page(sender, url, room) as publisher:
                await publisher.publish(codec)
                await publisher.tells(f"Live in {room}.")
                async with await open_watch_page(receiver, url, room) as viewer:
                    await viewer.tells(f"Watching {room}.")
                    received = await viewer.sees_and_hears(WATCH_SECONDS, FRAMES)
                    assert received.video_codec == codec or codec == AUTOMATIC
                    assert received.audio_codec == "audio/opus"
                    for direction in ("publishes", "plays"):
                        await client_runs.note("Chromium", sender.version, direction, stage, room)
                await publisher.stop()
                await system.room_gone(room, within=5)
            print(f"{room}: {received}")


async def test_it_answers_for_its_consent_and_watches_for_longer_than_that_lasts(redis_url: str) -> None:
    async with (
        client_stage(redis_url) as stage,
        chromium() as sender,
        chromium() as receiver,
        await open_publish_page(sender, stage.url, "long") as publisher,
    ):
        await publisher.publish()
        await publisher.tells("Live in long.")
        async with await open_watch_page(receiver, stage.url, "long") as viewer:
            await viewer.tells("Watching long.")
            await asyncio.sleep(CONSENT_SECONDS + 8)
            await viewer.sees_and_hears(WATCH_SECONDS, FRAMES)
            metrics = (await stage.system.http.get(f"{stage.system.workers[0].url}/metrics")).text
            assert 'roomcast_sessions_opened_total{role="play"} 1.0' in metrics  # it did not come back
        await publisher.stop()
