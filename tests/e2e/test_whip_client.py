"""Meetecho's whip-client (GStreamer, libnice) publishes by WHIP, trickling or not, and is watched."""

import shutil
import subprocess

import pytest

from tests.support.aiortc_client import viewer
from tests.support.client_runs import ClientRuns
from tests.support.client_stage import client_stage
from tests.support.foreign_client import running_client
from tests.support.free_ports import free_port
from tests.support.system import LOOPBACK

WATCH_SECONDS = 30.0
AUDIO = (
    "audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=100"
    " ! application/x-rtp,media=audio,encoding-name=OPUS,payload=100,clock-rate=48000 ! queue"
)
PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! queue"
VP8 = (
    f"{PICTURE} ! vp8enc deadline=1 keyframe-max-dist=50 ! rtpvp8pay pt=96"
    " ! application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000 ! queue"
)
# the mode is named: an offer made before the encoder has started would leave it out, which means 0
H264 = (
    f"{PICTURE} ! openh264enc gop-size=50 ! video/x-h264,profile=constrained-baseline"
    " ! rtph264pay pt=97 config-interval=-1 aggregate-mode=zero-latency"
    " ! application/x-rtp,media=video,encoding-name=H264,payload=97,clock-rate=90000,"
    "packetization-mode=(string)1 ! queue"
)

TWO_LIBSOUPS = "symbols detected. Using libsoup2 and libsoup3 in the same process is not supported"

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def whip_client() -> str:
    """The system's whip-client. Debian 12's crashes by itself: there the tests are left out."""
    executable = shutil.which("whip-client")
    assert executable, "this test needs whip-client: apt-get install simple-whip-client"
    nobody = f"http://{LOOPBACK}:{free_port()}/"
    command = [executable, "-u", nobody, "-A", AUDIO, "-V", VP8]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if TWO_LIBSOUPS in tried.stdout + tried.stderr:
        pytest.skip("whip-client of Debian 12 crashes by itself: it loads libsoup 2 and libsoup 3")
    return executable


def version() -> str:
    """Debian's: the program does not tell one."""
    query = ["dpkg-query", "-W", "-f=${Version}", "simple-whip-client"]
    return subprocess.run(query, capture_output=True, text=True, check=True).stdout


@pytest.mark.client("Meetecho whip-client", "publishes")
@pytest.mark.parametrize(
    ("video", "options"), [(VP8, []), (H264, ["--no-trickle"])], ids=["vp8-trickle", "h264-no-trickle"]
)
async def test_a_viewer_sees_and_hears_whip_client(
    redis_url: str, client_runs: ClientRuns, whip_client: str, video: str, options: list[str]
) -> None:
    async with client_stage(redis_url) as stage:
        system = stage.system
        url = stage.whip("whip-client")
        command = [whip_client, "-u", url, "-A", AUDIO, "-V", video, *options]
        with running_client(command) as client:
            await system.room_live("whip-client", within=10)
            async with viewer(system.http, system.whep("whip-client")) as watching:
                await watching.received(WATCH_SECONDS, video=100, audio=100)
                await client_runs.note("Meetecho whip-client", version(), "publishes", stage, "whip-client")
                client.interrupt()  # it ends its session with DELETE
                await system.room_gone("whip-client", within=5)
