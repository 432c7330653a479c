"""FFmpeg publishes H.264 and Opus by WHIP, as DTLS server and as DTLS client, and Chromium watches."""

import json

import pytest

from tests.support.browser import chromium, open_watch_page
from tests.support.client_runs import ClientRuns
from tests.support.client_stage import client_stage
from tests.support.foreign_client import running_client
from tests.support.loopback import LOOPBACKS
from tests.support.system import running_system
from tests.support.waiting import eventually
from tests.support.whip_ffmpeg import publish_command, version

WATCH_SECONDS = 30.0
PASSIVE: list[str] = []  # what it offers by default
ACTIVE = ["-whip_flags", "dtls_active"]

SRTP = {"publish": "AES128_CM_SHA1_80", "play": "AEAD_AES_128_GCM"}  # the best that each offers

pytestmark = pytest.mark.e2e


@pytest.mark.client("FFmpeg", "publishes")
@pytest.mark.parametrize(  # the other DTLS role is in test_ffmpeg_dtls.py, too
    "options", [PASSIVE, pytest.param(ACTIVE, marks=pytest.mark.soak)], ids=["dtls-passive", "dtls-active"]
)
async def test_chromium_sees_and_hears_ffmpeg(
    redis_url: str, client_runs: ClientRuns, options: list[str]
) -> None:
    async with client_stage(redis_url) as stage, chromium() as browser:
        system, url = stage.system, stage.system.controls[0].url
        with running_client(publish_command(stage.whip("ffmpeg"), options)) as ffmpeg:
            await system.room_live("ffmpeg", within=10)
            async with await open_watch_page(browser, url, "ffmpeg") as viewer:
                await viewer.tells("Watching ffmpeg.")
                received = await viewer.sees_and_hears(WATCH_SECONDS)
                assert received.video_codec == "video/H264"
                assert received.audio_codec == "audio/opus"
                log = [json.loads(line) for line in system.workers[0].log.read_text().splitlines()]
                assert {line["role"]: line["profile"] for line in log if "profile" in line} == SRTP
                await client_runs.note("FFmpeg", version(), "publishes", stage, "ffmpeg")
                ffmpeg.interrupt()  # it ends its session with DELETE
                await system.room_gone("ffmpeg", within=5)


async def test_ffmpeg_publishes_over_ipv6(redis_url: str) -> None:
    async with running_system(redis_url, media_ip=LOOPBACKS[-1]) as system:
        with running_client(publish_command(system.whip("ffmpeg"), ACTIVE)):
            rooms = f"{system.controls[0].url}/api/rooms?detail=true"

            async def media_arrives() -> bool:
                return any(room["bitrate"] for room in (await system.http.get(rooms)).json())

            await eventually("media arrives", media_arrives, 10)
