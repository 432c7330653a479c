"""`roomcast demo` publishes a moving picture with sound, and Chromium watches."""

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.browser import chromium, open_watch_page
from tests.support.foreign_client import running_client
from tests.support.system import running_system
from tests.support.waiting import eventually

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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_however_it_is_ended_its_session_and_its_key_are_gone(
    number: signal.Signals, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    async with running_system(redis_url) as system:
        command = [sys.executable, "-P", "-m", "deploy.cli", "demo", "--to", system.whip("demo")]
        with running_client(command) as demo:
            await demo.says("Live. End it with Ctrl+C.", within=20)
            demo.send(number)
            await system.room_gone("demo", within=5)
            await eventually("its key is gone", lambda: not list(tmp_path.glob("*/key_file")), within=5)


async def test_ctrl_c_ends_it_while_nobody_answers() -> None:
    asked = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        command = [sys.executable, "-P", "-m", "deploy.cli", "demo", "--to"]
        with running_client([*command, f"http://127.0.0.1:{port}/whip/demo"]) as demo:
            await asyncio.wait_for(asked.wait(), 20)
            await demo.leaves()
