"""One room is recorded while somebody wants that: from any replica, whatever befalls Redis and workers."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.own_valkey import OwnValkey
from tests.support.recorded import read, reads_without_a_word
from tests.support.system import System, running_system
from tests.support.waiting import eventually
from tests.support.webhook_receiver import SECRET, WebhookReceiver
from tests.support.whip_ffmpeg import publish_command

ROOM, OTHER = "recorded", "other"
ADMIN = {"Authorization": "Bearer chief"}
IN_TIME = 20.0
RECORDED_SECONDS = 2.0
AWAY_SECONDS = 4.0  # longer than a heartbeat lives without its worker
LACKING_SECONDS = 3.0  # more than a file lacks at its end when its worker is killed
LEFT_SECONDS = 30.0  # for another worker to look for what a killed one left

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


def told(receiver: WebhookReceiver, folder: Path, what: str) -> set[Path]:
    names = [one.event["data"]["name"] for one in receiver.arrived if one.type == f"recording.{what}"]
    return {folder / name for name in names}


async def facts(system: System, room: str) -> dict[str, Any]:
    answer = await system.http.get(f"{system.controls[0].url}/api/rooms/{room}")
    found: dict[str, Any] = answer.json()
    return found


async def is_recording(system: System, room: str) -> bool:
    return bool((await facts(system, room)).get("recording"))


async def bitrate(system: System, room: str) -> int:
    return int((await facts(system, room)).get("bitrate", 0))


@pytest.mark.soak
async def test_a_pause_begins_another_file_and_clips_are_told_in_seconds_of_each(
    redis_url: str, tmp_path: Path
) -> None:
    async with (
        WebhookReceiver() as receiver,
        running_system(
            redis_url,
            ADMIN_TOKEN="chief",
            RECORD_ENABLED="0",
            RECORD_DIR=str(tmp_path),
            RECORD_FORMATS="mux",
            WEBHOOK_URLS=receiver.url,
            WEBHOOK_SECRETS=SECRET,
            WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8",
        ) as system,
    ):
        recording = f"{system.controls[0].url}/api/admin/rooms/{ROOM}/recording"

        async def mark(**fields: object) -> None:
            answer = await system.http.patch(recording, json=fields, headers=ADMIN)
            assert answer.status_code == 200, answer.text

        with publishing(system.whip(ROOM)):
            await eventually("media comes", lambda: bitrate(system, ROOM), IN_TIME)
            await system.http.post(recording, json={"name": "take 1"}, headers=ADMIN)
            marked: list[float] = []
            for number, name in enumerate(("one", "two"), 1):
                await eventually("a file is begun", partial(_are, number, files, tmp_path), IN_TIME)
                await asyncio.sleep(RECORDED_SECONDS)
                await mark(beginClip=name)
                began = time.monotonic()
                await asyncio.sleep(RECORDED_SECONDS)
                await mark(endClip=name, paused=True)
                marked.append(time.monotonic() - began)
                await eventually(
                    "it is told", partial(_are, number, told, receiver, tmp_path, "ready"), IN_TIME
                )
                await mark(paused=False)
            await system.http.delete(recording, headers=ADMIN)
        ready = [one.event["data"] for one in receiver.arrived if one.type == "recording.ready"][:2]
        for name, data, length in zip(("one", "two"), ready, marked, strict=True):
            [clip] = data["clips"]
            seconds = read(tmp_path / data["name"]).seconds
            print(f"{clip}, {seconds:.2f} s")
            assert (data["recording"], clip["name"]) == ("take 1", name)
            assert abs(clip["end"] - clip["begin"] - length) < 0.5
            assert abs(clip["end"] - seconds) < 1.0  # where the pause ended it


def _are(count: int, look: Callable[..., set[Path]], *of: object) -> bool:
    return len(look(*of)) == count


@pytest.mark.parametrize(
    "befalls",
    [
        "nothing",
        pytest.param("redis", marks=pytest.mark.soak),
        pytest.param("worker", marks=pytest.mark.soak),
    ],
)
async def test_started_at_one_replica_and_stopped_at_the_other(
    own_valkey: OwnValkey, tmp_path: Path, befalls: str
) -> None:
    async with (
        WebhookReceiver() as receiver,
        running_system(
            own_valkey.url,
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
            assert (await facts(system, ROOM))["recording"] is False
            asked = time.monotonic()
            for _ in range(2):  # the second time it changes nothing
                answer = await system.http.post(start, json={"name": "take 1"}, headers=ADMIN)
                assert answer.json()["recorded"] is True
            began = asked
            await eventually("a file is begun", lambda: files(tmp_path), IN_TIME)
            await eventually("that is told", lambda: told(receiver, tmp_path, "started"), IN_TIME)
            await eventually("the room shows it", lambda: is_recording(system, ROOM), IN_TIME)
            if befalls == "redis":
                own_valkey.stop()
                await asyncio.sleep(AWAY_SECONDS)
                own_valkey.start()
            before = files(tmp_path)
            if befalls == "worker":
                await asyncio.sleep(LACKING_SECONDS)
                [dead] = (await facts(system, ROOM))["workers"]
                next(worker for worker in system.workers if worker.name == dead).kill()
                publishers.enter_context(publishing(system.whip(ROOM, 1)))
                await eventually("another file is begun", lambda: files(tmp_path) > before, IN_TIME)
                began = time.monotonic() - (await facts(system, ROOM))["uptime"]
            await asyncio.sleep(RECORDED_SECONDS)  # the length of the recording is what the test is about

            async def ended() -> bool:
                nonlocal stopped
                stopped = time.monotonic()
                answer = await system.http.delete(stop, headers=ADMIN)
                return answer.status_code == 200 and answer.json()["recorded"] is False

            stopped = 0.0
            await eventually("it is stopped", ended, IN_TIME)
            if befalls == "worker":
                await eventually(
                    "all is told", lambda: told(receiver, tmp_path, "ready") == files(tmp_path), LEFT_SECONDS
                )
                [path] = files(tmp_path) - before
                [left] = before
                assert read(left).seconds > 0
            else:
                [path] = before
                await eventually("it is told", lambda: told(receiver, tmp_path, "ready"), IN_TIME)
            reads_without_a_word(path)
            seconds = read(path).seconds
            print(f"{seconds:.2f} s recorded of {stopped - began:.2f} s")
            assert abs(seconds - (stopped - began)) < 1.0
            assert (await system.http.get(start.removesuffix("/recording"), headers=ADMIN)).status_code == 404
        assert all(path.name.startswith(ROOM) for path in files(tmp_path))
        assert len(files(tmp_path)) == 1 + (befalls == "worker")
        for what in ("started", "ready"):
            found = [one for one in receiver.arrived if one.type == f"recording.{what}"]
            assert {(one.room, one.event["data"]["recording"]) for one in found} == {(ROOM, "take 1")}
            assert len({one.id for one in found}) == len(files(tmp_path))
            # what Redis lost may be told again, under the same id
            assert befalls == "redis" or len(found) == len(files(tmp_path))
