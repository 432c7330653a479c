"""The lines of docs/bridges.md as they are: RTMP, SRT and RTSP go into a room, and Chromium watches."""

import re
import shlex
import socket
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from playwright.async_api import Browser

from tests.support.browser import chromium, open_watch_page
from tests.support.foreign_client import running_client
from tests.support.free_ports import free_port
from tests.support.system import LOOPBACK, System, running_system
from tests.support.waiting import eventually

PAGE = Path(__file__).parents[2] / "docs" / "bridges.md"
LIVE_SECONDS, WATCH_SECONDS = 20.0, 30.0
TOKEN = "one-rooms-token"
# where the encoder sends to, for the bridge to listen there
ENCODERS = {
    "rtmp": ["-f", "flv", "rtmp://{address}/live/demo"],
    "srt": ["-f", "mpegts", "srt://{address}?passphrase=CHANGE-ME-10"],
    "rtsp": ["-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://{address}/stream"],
}

pytestmark = [pytest.mark.e2e, pytest.mark.soak]


def bridge(protocol: str, address: str, endpoint: str) -> list[str]:
    """The page's command for `protocol`, listening at `address`, and publishing to `endpoint`."""
    blocks = re.findall(r"```\n(ffmpeg .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (line,) = (block for block in blocks if f"-i {protocol}://" in block and "-f whip" in block)
    command = shlex.split(line.replace("\\\n", " ").replace("&", r"\&"))
    source = command.index("-i") + 1
    command[source] = re.sub(r"//[^/?]+", f"//{address}", command[source])
    if protocol == "rtsp":  # a camera is asked; here one sends, to the same reader
        command[source - 1 : source - 1] = ["-rtsp_flags", "listen", "-listen_timeout", "60"]
    command[command.index("-authorization") + 1] = TOKEN
    return [get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning", "-nostdin", *command[1:-1], endpoint]


def encoder(protocol: str, address: str) -> list[str]:
    """One that sends H.264 and AAC, as OBS by RTMP."""
    # fmt: off
    return [
        get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin",
        "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25",
        "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100",
        "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-pix_fmt", "yuv420p",
        "-c:a", "aac",
        *[part.format(address=address) for part in ENCODERS[protocol]],
    ]
    # fmt: on


def is_taken(port: int, kind: socket.SocketKind) -> bool:
    """Whether somebody listens there. To connect would take the one place that a bridge has."""
    with socket.socket(type=kind) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


@pytest.mark.parametrize("protocol", ENCODERS)
async def test_a_stream_gets_into_a_room(redis_url: str, protocol: str) -> None:
    kind = socket.SOCK_DGRAM if protocol == "srt" else socket.SOCK_STREAM
    port = free_port(kind=kind)
    address = f"{LOOPBACK}:{port}"
    async with running_system(redis_url, ROOM_TOKENS=f"demo:{TOKEN}") as system, chromium() as browser:
        with running_client(bridge(protocol, address, system.whip("demo"))):
            await eventually("the bridge listens", lambda: is_taken(port, kind), LIVE_SECONDS)
            with running_client(encoder(protocol, address)):
                await system.room_live("demo", within=LIVE_SECONDS)
                await is_seen_and_heard(browser, system)


async def is_seen_and_heard(browser: Browser, system: System) -> None:
    url = system.controls[0].url
    async with await open_watch_page(browser, url, "demo", expected_statuses=[401]) as viewer:
        await viewer.tells("demo requires a token.")
        await viewer.enter_token(TOKEN)
        await viewer.tells("Watching demo.")
        received = await viewer.sees_and_hears(WATCH_SECONDS)
        assert received.video_codec == "video/H264"
        assert received.audio_codec == "audio/opus"
