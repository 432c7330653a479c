"""A worker whose disk hangs, as a process: a system call of its recording does not return."""

import asyncio
import contextlib
import fcntl
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from media.recording.journal import FOLDER, Journal
from shared.names import RoomName
from shared.records.record_name import track_name
from tests.integration.recording.stage import by_suffix
from tests.support.live_publisher import LivePublisher, Programme
from tests.support.recorded import read
from tests.support.system import running_system
from tests.support.waiting import eventually

ROOM = RoomName("hung")
IN_TIME = 30.0
GOOD_SECONDS = 4  # until the disk hangs
PART_SECONDS = 2
WAITING = 200  # packets
STOP_SECONDS = 5.0  # a second and a half for the recording, and a busy machine
INCOMPLETE = "recordings left incomplete: the disk did not take them in time"


@contextlib.contextmanager
def hanging(folder: Path) -> Iterator[None]:
    """Let each file of sound that begins after `GOOD_SECONDS` hang: we hold the lock that it waits for."""
    (folder / FOLDER).mkdir(parents=True)
    begin = int(time.time()) + GOOD_SECONDS
    with contextlib.ExitStack() as files:
        for unix in range(begin, begin + round(2 * IN_TIME)):
            name = track_name(ROOM, "audio", 0, unix, "ogg")
            file = files.enter_context((folder / FOLDER / f".{name}").open("a"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


async def test_a_worker_stops_although_its_disk_hangs(redis_url: str, tmp_path: Path) -> None:
    settings = {
        "RECORD_ENABLED": "1",
        "RECORD_DIR": str(tmp_path),
        "RECORD_MAX_SECONDS": str(PART_SECONDS),
        "UPLOAD_RECORDINGS": "1",
        "S3_BUCKET": "nowhere",
        "S3_ENDPOINT": "http://127.0.0.1:1",
        "S3_ACCESS_KEY": "key",
        "S3_SECRET_KEY": "secret",
    }
    with hanging(tmp_path):
        async with running_system(redis_url, **settings) as system:
            publisher = LivePublisher(system.http, system.whip(ROOM), Programme(), seed=1)
            await publisher.start(IN_TIME)
            [worker] = system.workers

            def log() -> str:
                return worker.log.read_text(encoding="utf-8")

            async def backlog() -> bool:
                text = (await system.http.get(f"{worker.url}/metrics")).text
                return any(
                    float(line.split()[1]) > WAITING
                    for line in text.splitlines()
                    if line.startswith("roomcast_recording_queue_packets ")
                )

            await eventually("the disk hangs, and the stream goes on", backlog, IN_TIME)
            worker.process.send_signal(signal.SIGTERM)
            await eventually("it stops", lambda: "worker stopping" in log(), IN_TIME)
            worker.process.send_signal(signal.SIGTERM)  # at once, without waiting for the recordings
            assert await asyncio.to_thread(worker.process.wait, STOP_SECONDS) == 0
            publisher.kill()
            lines = [json.loads(line) for line in log().splitlines()]
            [line] = [line for line in lines if line["event"] == INCOMPLETE]
            assert line["rooms"] == [ROOM]
    files = by_suffix(tmp_path)
    due = Journal(tmp_path)
    for paths in files.values():
        for path in paths:
            if path.stat().st_size:  # the file that hangs is empty
                assert read(path).codecs
            with due.claim(path.name) as entry:
                assert entry is not None or not path.stat().st_size
