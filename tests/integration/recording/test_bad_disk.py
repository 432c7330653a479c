"""A disk that is slow or hangs, and rooms that never send: what they cost the worker is bounded."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from media.recording import recorder
from media.recording.part_file import PartFile
from media.recording.recorder import Recorder
from media.recording.recording import Recording
from media.recording.shelf import Shelf
from media.rtp.run import Run
from shared.errors import ServiceError
from shared.messages.records import DeleteRecord, ListRecords, ShareRecord
from shared.names import RoomName
from shared.settings.settings import load_settings
from tests.integration.recording.recorded_room import STEADY, Room, running
from tests.integration.recording.stage import room_tracks
from tests.support.rtp_source import Numbering, Sent, audio, video

WITHIN = 20.0
SECONDS = 2.0
STUCK = "stuck"

Streams = tuple[list[Sent], list[Sent]]


@pytest.fixture(scope="module")
def streams() -> Streams:
    return audio(SECONDS), video("VP8", SECONDS)


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Until it is set, writes to the files of rooms whose names begin with `STUCK` do not return."""
    event, write = threading.Event(), PartFile.write

    def hanging(file: PartFile, data: object) -> int:
        if file.path.name.startswith(STUCK):
            event.wait()
        return write(file, data)

    monkeypatch.setattr(PartFile, "write", hanging)
    yield event
    event.set()


def recorder_in(folder: Path, **settings: Any) -> Recorder:
    return Recorder(load_settings(record_enabled=True, record_dir=str(folder), **settings))


def opened(recorder: Recorder, name: str) -> Recording:
    return recorder.open(
        RoomName(name),
        room_tracks("opus"),
        reported=lambda track: None,
        want_keyframe=lambda track: None,
        warn=lambda text, holds: None,
    )


def sound(sent: list[Sent]) -> list[Run]:
    numbering = Numbering(0)
    return [numbering.run(one.data) for one in sent]


async def test_a_worker_that_stops_does_not_wait_for_a_disk_that_hangs(
    tmp_path: Path, streams: Streams, hang: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "WRITE_REST_SECONDS", 0.1)
    monkeypatch.setattr(recorder, "FINISH_SECONDS", 0.1)
    ours = recorder_in(tmp_path)
    for name in ("other", STUCK):
        recording = opened(ours, name)
        for run in sound(streams[0]):
            recording.take(run)
        recording.tick(time.monotonic())
        recording.close()
    with capture_logs() as logs:
        async with asyncio.timeout(WITHIN):
            await ours.rest()
            await ours.finish()
    [line] = logs
    assert line["event"] == "recordings left incomplete: the disk did not take them in time"
    assert (line["rooms"], line["count"]) == ([STUCK], 1)


@pytest.fixture
def disk_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The calls that this thread makes to the disk, where the recordings are."""
    calls: list[str] = []
    here = threading.get_ident()

    def watch(name: str) -> None:
        real = getattr(os, name)

        def watched(*args: Any, **how: Any) -> Any:
            if threading.get_ident() == here:
                where = args[0] if not isinstance(args[0], int) else os.readlink(f"/proc/self/fd/{args[0]}")
                if str(tmp_path) in os.fsdecode(where):
                    calls.append(name)
            return real(*args, **how)

        monkeypatch.setattr(os, name, watched)

    for name in (
        *("stat", "lstat", "fstat", "scandir", "listdir", "unlink", "remove", "rename", "mkdir", "open"),
        *("pwrite", "write", "read", "ftruncate", "fsync"),
    ):
        watch(name)
    real_open = Path.open

    def open_path(path: Path, *args: Any, **how: Any) -> Any:
        if threading.get_ident() == here:
            calls.append("Path.open")
        return real_open(path, *args, **how)

    monkeypatch.setattr(Path, "open", open_path)
    return calls


async def test_the_event_loop_never_calls_the_disk(
    tmp_path: Path, streams: Streams, disk_calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording's life: made, listed, shared, deleted, cleared, waited for."""
    monkeypatch.setattr(recorder, "REST_SECONDS", 1.0)
    folder = tmp_path / "records"
    shelf = Shelf(folder, "http://127.0.0.1:1")
    settings = {"s3_bucket": "none", "s3_endpoint": "http://127.0.0.1:1", "upload_recordings": True}
    async with running(folder, record_keep_days=1, **settings) as ours:
        room = Room(ours, "opus", "VP8")
        rounds = iter(range(10))
        await room.send_until(lambda: next(rounds) > 5, *streams, every=STEADY)
        await room.close()
        names = [record.name for record in (await shelf.list_records(ListRecords())).records]
        assert len(names) == 3
        await shelf.share(ShareRecord(name=names[0]))
        assert (await shelf.delete(DeleteRecord(name=names[0]))).existed
        with pytest.raises(ServiceError):
            await shelf.share(ShareRecord(name=names[0]))
    assert disk_calls == []
