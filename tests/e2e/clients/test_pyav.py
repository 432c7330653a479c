"""PyAV, which is FFmpeg with GnuTLS, publishes with a certificate of its own, in both DTLS roles."""

import sys
from pathlib import Path

import av
import pytest

from tests.support.aiortc_client import viewer
from tests.support.certificate import new_certificate
from tests.support.client_runs import ClientRuns
from tests.support.client_stage import client_stage
from tests.support.foreign_client import running_client

SECONDS = 20.0
ROLES = {"passive": [], "active": ["whip_flags=dtls_active"]}
VERSION = f"{av.__version__}, FFmpeg {av.ffmpeg_version_info}, GnuTLS"

pytestmark = pytest.mark.e2e


@pytest.mark.soak
@pytest.mark.client("PyAV", "publishes")
@pytest.mark.parametrize("role", ROLES)
async def test_aiortc_sees_and_hears_pyav(
    redis_url: str, client_runs: ClientRuns, tmp_path: Path, role: str
) -> None:
    certificate, key = new_certificate(tmp_path)
    options = [*ROLES[role], f"cert_file={certificate}", f"key_file={key}"]
    async with client_stage(redis_url) as stage:
        program = [sys.executable, "-m", "tests.support.pyav_publisher"]
        with running_client([*program, stage.whip("pyav"), f"{SECONDS}", *options]):
            await stage.system.room_live("pyav", within=SECONDS)
            async with viewer(stage.system.http, stage.system.whep("pyav")) as watching:
                await watching.received(SECONDS, video=10, audio=25)
                await client_runs.note("PyAV", VERSION, "publishes", stage, "pyav")
