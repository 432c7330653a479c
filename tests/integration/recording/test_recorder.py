"""The recording of a room as the room sees it: it never waits, and its failure does not stop the room."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from media.recording.backlog import PACKET_BYTES, ROOM_BYTES
from media.recording.recorder import Recorder
from shared.settings.settings import load_settings
from tests.integration.recording.recorded_room import Room, running
from tests.integration.recording.stage import by_suffix
from tests.support.disk import read_only, small_disk
from tests.support.recorded import read
from tests.support.rtp_source import Numbering, Sent, audio, video
from tests.support.waiting import eventually

WITHIN = 10.0
SECONDS = 3.0


@pytest.fixture(scope="module")
def streams() -> tuple[list[Sent], list[Sent]]:
    return audio(SECONDS), video("VP8", SECONDS)


async def test_a_room_is_recorded(tmp_path: Path, streams: tuple[list[Sent], list[Sent]]) -> None:
    async with running(tmp_path) as recorder:
        room = Room(recorder, "opus", "VP8")
        assert recorder.active == 1
        room.send(*streams)
        await room.close()
        await eventually("it is forgotten", lambda: recorder.active == 0, WITHIN)
    assert set(by_suffix(tmp_path)) == {"ivf", "ogg", "webm"}
    [path] = by_suffix(tmp_path)["webm"]
    assert read(path).seconds == pytest.approx(SECONDS, abs=0.1)
    assert not room.warned


@pytest.mark.parametrize(
    ("forms", "suffixes"),
    [("tracks", {"ivf", "ogg"}), ("mux", {"webm"}), ("mux,tracks", {"ivf", "ogg", "webm"})],
)
async def test_forms_are_chosen(
    tmp_path: Path, streams: tuple[list[Sent], list[Sent]], forms: str, suffixes: set[str]
) -> None:
    async with running(tmp_path, record_formats=forms) as recorder:
        room = Room(recorder, "opus", "VP8")
        room.send(*streams)
        await room.close()
    assert set(by_suffix(tmp_path)) == suffixes


async def test_a_worker_that_stops_waits_for_its_files(
    tmp_path: Path, streams: tuple[list[Sent], list[Sent]]
) -> None:
    async with running(tmp_path) as recorder:
        room = Room(recorder, "opus", "VP8")
        room.send(*streams)
        room.recording.close()
    [path] = by_suffix(tmp_path)["webm"]
    assert read(path).declared_seconds == pytest.approx(SECONDS, abs=0.1)


async def test_a_full_disk_stops_the_recording_with_one_warning(
    tmp_path: Path, streams: tuple[list[Sent], list[Sent]]
) -> None:
    with small_disk(tmp_path / "disk", 1_000_000) as folder:
        async with running(folder) as recorder:
            room = Room(recorder, "opus", "VP8")
            await room.send_until(lambda: room.warnings, *streams)
            assert room.warnings == ["recording stopped: No space left on device"]
            room.send(*streams)  # and the room goes on
            room.recording.tick(time.monotonic())
            assert (recorder.active, recorder.failing) == (0, 1)
            await room.close()
            assert not room.warnings
            assert len(room.warned) == 1
            assert recorder.failures == 1
        files = by_suffix(folder)
        assert set(files) == {"ivf", "ogg", "webm"}
        for paths in files.values():
            for path in paths:
                assert read(path).seconds > SECONDS - 0.1  # what was there before is whole


async def test_an_unwritable_folder_stops_the_recording_with_one_warning(
    tmp_path: Path, streams: tuple[list[Sent], list[Sent]]
) -> None:
    (tmp_path / "file").write_text("no folder")
    async with running(tmp_path / "file") as recorder:
        room = Room(recorder, "opus", "VP8")
        await room.send_until(lambda: room.warnings, *streams)
        assert len(room.warnings) == 1
        assert room.warnings[0].startswith("recording stopped: ")
        await room.close()
        assert len(room.warned) == 1


async def test_a_disk_that_does_not_keep_up_costs_packets_not_time(
    tmp_path: Path, streams: tuple[list[Sent], list[Sent]]
) -> None:
    async with running(tmp_path, record_formats="tracks") as recorder:
        room = Room(recorder, "opus", "VP8")
        [packet] = [Numbering(0).outgoing(streams[0][0].data)]
        size = PACKET_BYTES + len(packet.packet.payload)
        for number in range(ROOM_BYTES // size + 10):  # nobody ticks: no thread takes them
            room.recording.packets([replace(packet, extended=number)])
        assert room.recording.dropped == 10
        assert recorder.dropped == 10
        await room.close()
        await eventually("it is forgotten", lambda: recorder.active == 0, WITHIN)
        assert recorder.dropped == 10


async def test_a_recording_asks_for_the_keyframe_that_it_needs(
    tmp_path: Path, streams: tuple[list[Sent], list[Sent]]
) -> None:
    async with running(tmp_path) as recorder:
        room = Room(recorder, "opus", "VP8")
        sound, picture = streams
        later = [sent for sent in picture if 0 < sent.at < 0.9]
        room.send(sound, later)

        def asked() -> bool:
            room.recording.tick(time.monotonic())
            return room.keyframes_wanted > 0

        await eventually("a keyframe is asked for", asked, WITHIN)
        await room.close()


async def test_what_is_old_is_deleted_unless_it_is_due(tmp_path: Path) -> None:
    day = 86_400
    for name, age in (("demo_1.webm", 8), ("demo_2.webm", 6), ("demo_3.webm", 8), ("notes.txt", 8)):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (time.time() - age * day,) * 2)
    (tmp_path / ".uploads").mkdir()
    (tmp_path / ".uploads" / "demo_3.webm").touch()
    recorder = Recorder(
        load_settings(
            record_dir=str(tmp_path), record_keep_days=7, upload_recordings=True, s3_bucket="recordings"
        )
    )
    recorder.clear(time.time())
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"demo_2.webm", "demo_3.webm", "notes.txt", ".uploads"}


async def test_an_old_file_that_cannot_be_deleted_does_not_end_the_worker(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1_000_000) as folder, capture_logs() as logs:
        old = folder / "demo_1.webm"
        old.touch()
        os.utime(old, (0, 0))
        read_only(folder)
        running = asyncio.create_task(
            Recorder(load_settings(record_dir=str(folder), record_keep_days=7)).run()
        )
        await eventually("it is logged", lambda: logs, WITHIN)
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
    assert [(entry["event"], entry["name"], entry["error"]) for entry in logs] == [
        ("old recording not deleted", "demo_1.webm", "Read-only file system")
    ]
