"""aiortc publishes and plays by a few lines of httpx, as developers do it, in both codecs that it has."""

import pytest
from aiortc import RTCRtpSender, __version__

from tests.support.aiortc_client import publisher, viewer
from tests.support.client_runs import ClientRuns
from tests.support.client_stage import client_stage

SECONDS = 20.0

pytestmark = pytest.mark.e2e


@pytest.mark.client("aiortc", "publishes")
@pytest.mark.client("aiortc", "plays")
@pytest.mark.parametrize("video", [pytest.param("VP8", marks=pytest.mark.soak), "H264"])
async def test_aiortc_sees_and_hears_aiortc(redis_url: str, client_runs: ClientRuns, video: str) -> None:
    async with client_stage(redis_url) as stage:
        sender = publisher(stage.system.http, stage.whip("aiortc"))
        codecs = RTCRtpSender.getCapabilities("video").codecs
        picture = next(one for one in sender.pc.getTransceivers() if one.kind == "video")
        picture.setCodecPreferences([codec for codec in codecs if codec.name == video])
        async with sender, viewer(stage.system.http, stage.whep("aiortc")) as receiver:
            await receiver.received(SECONDS, video=10, audio=25)
            for direction in ("publishes", "plays"):
                assert video in await client_runs.note("aiortc", __version__, direction, stage, "aiortc")
