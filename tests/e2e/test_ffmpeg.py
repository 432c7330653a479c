"""FFmpeg publishes H.264 and Opus by WHIP, as DTLS server and as DTLS client, and Chromium watches."""

import json
import re
import shlex
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from tests.support.browser import chromium, open_watch_page
from tests.support.client_runs import ClientRuns
from tests.support.client_stage import client_stage
from tests.support.foreign_client import running_client
from tests.support.loopback import LOOPBACKS
from tests.support.namespaces import new_namespace
from tests.support.shaped_line import shaped_line
from tests.support.system import LOOPBACK, running_system
from tests.support.waiting import eventually
from tests.support.whip_ffmpeg import publish_command, version

TRY_PAGE = Path(__file__).parents[2] / "docs" / "try.md"
WATCH_SECONDS = 30.0
GOES_ON = 150  # packets, two seconds of them: far more than were on the way
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


async def test_the_command_of_the_try_page_publishes(redis_url: str) -> None:
    blocks = re.findall(r"```\n(ffmpeg .*?)```", TRY_PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (line,) = (block for block in blocks if "-f whip" in block)
    options = shlex.split(line.replace("\\\n", " "))[1:-1]
    async with running_system(redis_url) as system:
        with running_client(
            [get_ffmpeg_exe(), "-loglevel", "warning", "-nostdin", *options, system.whip("demo")]
        ):
            await system.room_live("demo", within=10)


@pytest.mark.soak  # it takes half a minute to notice
@pytest.mark.parametrize("options", [PASSIVE, ACTIVE], ids=["dtls-passive", "dtls-active"])
async def test_ffmpeg_ends_when_its_session_was_ended(redis_url: str, options: list[str]) -> None:
    """So that whoever supervises it lets it begin anew. With a close_notify it would wait for ever."""
    async with running_system(redis_url, ADMIN_TOKEN="admin") as system:
        with running_client(publish_command(system.whip("ffmpeg"), options)) as ffmpeg:
            await system.room_live("ffmpeg", within=10)
            close = f"{system.controls[0].url}/api/admin/rooms/ffmpeg/close"
            assert (await system.http.post(close, headers={"X-Auth-Token": "admin"})).is_success
            await ffmpeg.ends(within=60)


async def test_ffmpeg_publishes_over_ipv6(redis_url: str) -> None:
    async with running_system(redis_url, media_ip=LOOPBACKS[-1]) as system:
        with running_client(publish_command(system.whip("ffmpeg"), ACTIVE)):
            rooms = f"{system.controls[0].url}/api/rooms?detail=true"

            async def media_arrives() -> bool:
                return any(room["bitrate"] for room in (await system.http.get(rooms)).json())

            await eventually("media arrives", media_arrives, 10)


async def test_ffmpeg_goes_on_behind_a_nat_that_gives_it_another_port(redis_url: str) -> None:
    """By its media: its checks, which come each few seconds, do not pass any more."""
    with new_namespace() as inside:
        async with running_system(redis_url) as system:
            port, media = httpx.URL(system.controls[0].url).port, system.workers[0].media
            assert port
            assert media
            command = ["nsenter", f"--net={inside.path}", *publish_command(system.whip("ffmpeg"), PASSIVE)]

            async def packets() -> float:
                told = (await system.http.get(f"{system.workers[0].url}/metrics")).text
                return sum(map(float, re.findall(r'live_rtp_packets_total\{room="ffmpeg"\} (\S+)', told)))

            async with (
                inside.door(LOOPBACK, port),
                shaped_line(media, front=inside.socket(socket.SOCK_DGRAM, media)) as line,
            ):
                with running_client(command) as ffmpeg:
                    await eventually("media arrives", lambda: _more(packets, 0), 10)
                    line.move(checks=False)
                    before = await packets()
                    await eventually("its media goes on", lambda: _more(packets, before + GOES_ON), 10)
                    await ffmpeg.leaves()


async def _more(packets: Callable[[], Awaitable[float]], than: float) -> bool:
    return await packets() > than
