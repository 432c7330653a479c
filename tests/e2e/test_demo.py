"""`roomcast demo` publishes a moving picture with sound, and Chromium watches."""

import os
import sys

import pytest

from tests.support.browser import chromium, open_watch_page
from tests.support.foreign_client import running_client
from tests.support.system import running_system

WATCH_SECONDS = 30.0

pytestmark = pytest.mark.e2e


async def test_a_newcomer_sees_a_stream(redis_url: str, tmp_path: os.PathLike[str]) -> None:
    async with running_system(redis_url, PUBLISH_TOKEN="a-token") as system, chromium() as browser:
        url = system.controls[0].url
        command = [sys.executable, "-P", "-m", "deploy.cli", "demo", "--to", system.whip("demo")]
        with running_client([*command, "--token", "a-token"]) as demo:
            await system.room_live("demo", within=20)
            async with await open_watch_page(browser, url, "demo") as viewer:
                received = await viewer.sees_and_hears(WATCH_SECONDS, frames=20)
                assert received.video_codec == "video/H264"
            demo.interrupt()  # as Ctrl+C: it ends its session
            await system.room_gone("demo", within=5)
