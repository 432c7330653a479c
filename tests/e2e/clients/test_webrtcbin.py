"""GStreamer's webrtcbin publishes and plays, and aiortc sees and hears it."""

from pathlib import Path

import pytest

from tests.support.aiortc_client import viewer
from tests.support.client_runs import ClientRuns
from tests.support.client_stage import client_stage
from tests.support.foreign_client import running_client

CLIENT = Path(__file__).parents[2] / "support" / "webrtcbin_client.py"
PYTHON = "/usr/bin/python3"  # the system's, which has GStreamer
SECONDS = 20.0

pytestmark = pytest.mark.e2e


def command(role: str, video: str, url: str) -> list[str]:
    return [PYTHON, str(CLIENT), role, video, url]


@pytest.mark.client("GStreamer webrtcbin", "publishes")
@pytest.mark.client("GStreamer webrtcbin", "plays")
@pytest.mark.parametrize("video", [pytest.param("VP8", marks=pytest.mark.soak), "H264"])
async def test_webrtcbin_and_aiortc_see_and_hear_webrtcbin(
    redis_url: str, client_runs: ClientRuns, video: str
) -> None:
    async with client_stage(redis_url) as stage:
        system, whip, whep = stage.system, stage.whip("gst"), stage.whep("gst")
        with running_client(command("publish", video, whip)) as publisher:
            await system.room_live("gst", within=SECONDS)
            with running_client(command("play", video, whep)) as player:
                await player.says("received", within=SECONDS)
                version = player.said()[0]
                for direction in ("publishes", "plays"):
                    assert video in await client_runs.note(
                        "GStreamer webrtcbin", version, direction, stage, "gst"
                    )
                await player.leaves()
            async with viewer(system.http, system.whep("gst")) as watching:
                await watching.received(SECONDS, video=10, audio=25)
                publisher.interrupt()  # it ends its session with DELETE
                await system.room_gone("gst", within=5)
