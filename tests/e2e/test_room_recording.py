"""One room is recorded while somebody wants that: from any replica, and after its worker was killed."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.recorded import read, reads_without_a_word
from tests.support.system import System, running_system
from tests.support.waiting import eventually
from tests.support.webhook_receiver import SECRET, WebhookReceiver, webhook_receiver
from tests.support.whip_ffmpeg import publish_command

ROOM, OTHER = "recorded", "other"
ADMIN = {"Authorization": "Bearer chief"}
IN_TIME = 20.0
RECORDED_SECONDS = 2.0

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


@contextmanager
def publishing(url: str) -> Iterator[None]:
    """FFmpeg publishes there, and comes again until it gets in: a room's claim outlives its worker."""
    again = ["sh", "-c", 'while :; do "$@"; sleep 0.2; done', "sh", *publish_command(url, [])]
    with subprocess.Popen(again, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def files(folder: Path) -> set[Path]:
    return {path for path in folder.glob("*.*") if not path.name.startswith(".")}


def ready(receiver: WebhookReceiver) -> list[dict[str, Any]]:
    return [told.event["data"] for told in receiver.arrived if told.type == "recording.ready"]


async def facts(system: System, room: str) -> dict[str, Any]:
    answer = await system.http.get(f"{system.controls[0].url}/api/rooms/{room}")
    found: dict[str, Any] = answer.json()
    return found


async def bitrate(system: System, room: str) -> int:
    return int((await facts(system, room)).get("bitrate", 0))


@pytest.mark.parametrize("killed", [False, pytest.param(True, marks=pytest.mark.soak)])
async def test_started_at_one_replica_and_stopped_at_the_other(
    redis_url: str, tmp_path: Path, killed: bool
) -> None:
    async with (
        webhook_receiver() as receiver,
        running_system(
            redis_url,
            controls=2,
            workers=2,
            ADMIN_TOKEN="chief",
            RECORD_ENABLED="0",
            RECORD_DIR=str(tmp_path),
            RECORD_FORMATS="mux",
            PUBLISHER_GRACE="0",
            WEBHOOK_URLS=receiver.url,
            WEBHOOK_SECRETS=SECRET,
            WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8",
        ) as system,
    ):
        start, stop = (f"{one.url}/api/admin/rooms/{ROOM}/recording" for one in system.controls)
        with ExitStack() as publishers:
            for room in (OTHER, ROOM):
                publishers.enter_context(publishing(system.whip(room)))
            for room in (OTHER, ROOM):
                await eventually("media comes", lambda: bitrate(system, room), IN_TIME)  # noqa: B023
            assert not files(tmp_path)
            asked = time.monotonic()
            for _ in range(2):  # the second time it changes nothing
                answer = await system.http.post(start, json={"name": "take 1"}, headers=ADMIN)
                assert answer.json()["recorded"] is True
            began = asked
            await eventually("a file is begun", lambda: files(tmp_path), IN_TIME)
            if killed:
                before = files(tmp_path)
                [dead] = (await facts(system, ROOM))["workers"]
                next(worker for worker in system.workers if worker.name == dead).kill()
                publishers.enter_context(publishing(system.whip(ROOM, 1)))
                await eventually("another file is begun", lambda: files(tmp_path) > before, IN_TIME)
                began = time.monotonic() - (await facts(system, ROOM))["uptime"]
            await asyncio.sleep(RECORDED_SECONDS)  # the length of the recording is what the test is about
            stopped = time.monotonic()
            answer = await system.http.delete(stop, headers=ADMIN)
            assert answer.json() == {"room": ROOM, "recorded": False, "recording": None}
            await eventually("it is told", lambda: ready(receiver), IN_TIME)
            path = tmp_path / ready(receiver)[0]["name"]
            reads_without_a_word(path)
            seconds = read(path).seconds
            print(f"{seconds:.2f} s recorded of {stopped - began:.2f} s")
            assert abs(seconds - (stopped - began)) < 1.0
            assert (await system.http.get(start.removesuffix("/recording"), headers=ADMIN)).status_code == 404
        assert [(one["room"], one["recording"]) for one in ready(receiver)] == [(ROOM, "take 1")]
        assert all(path.name.startswith(ROOM) for path in files(tmp_path))
        assert len(files(tmp_path)) == 1 + killed
