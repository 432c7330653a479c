"""A recording that failed starts again by itself, and makes no fuss until it can."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from media.recording import recording as recording_module
from media.recording.journal import FOLDER
from media.recording.recorder import Recorder
from media.recording.writer import Writer
from shared.settings.settings import load_settings
from tests.integration.recording.recorded_room import STEADY, Room, running
from tests.integration.recording.stage import by_suffix
from tests.support.disk import small_disk
from tests.support.recorded import read
from tests.support.rtp_source import Sent, audio, video
from tests.support.waiting import eventually

WITHIN = 10.0
SECONDS = 3.0
RETRIES = 5
FULL = "recording stopped: No space left on device"
STOPPED, STARTED = "recording stopped", "recording started again"

Streams = tuple[list[Sent], list[Sent]]


@pytest.fixture(scope="module")
def streams() -> Streams:
    return audio(SECONDS), video("VP8", SECONDS)


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Retries come soon; gives the time of each trial of the disk."""
    trials: list[float] = []
    try_disk = Writer.try_disk

    def count(writer: Writer) -> None:
        trials.append(time.monotonic())
        try_disk(writer)

    monkeypatch.setattr(Writer, "try_disk", count)
    monkeypatch.setattr(recording_module, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(recording_module, "LAST_RETRY_SECONDS", 0.02)
    return trials


def events(logs: list[Any]) -> list[str]:
    """What became of the recording. Streams that are sent faster than in real life may also be too fast."""
    told = [line["event"] for line in logs if line["event"].startswith("recording ")]
    return [event for event in told if not event.startswith("recording drops packets")]


async def test_on_a_full_disk_that_is_freed_new_files_begin(
    tmp_path: Path, streams: Streams, logs: list[Any], quick: list[float]
) -> None:
    with small_disk(tmp_path / "disk", 4_000_000) as folder:
        ballast = folder / ".ballast"
        ballast.write_bytes(bytes(3_000_000))
        async with running(folder) as recorder:
            room = Room(recorder, "opus", "VP8")
            await room.send_until(lambda: room.warnings, *streams)
            assert room.warnings == [FULL]
            asked = room.keyframes_wanted
            ballast.unlink()
            await room.send_until(lambda: not room.warnings, *streams, every=STEADY)
            assert room.keyframes_wanted > asked
            assert (recorder.active, recorder.failing) == (1, 0)
            await room.close()
            assert (recorder.failures, recorder.restarts) == (1, 1)
        assert events(logs) == [STOPPED, STARTED]
        files = by_suffix(folder)
        assert {suffix: len(paths) for suffix, paths in files.items()} == {"ivf": 2, "ogg": 2, "webm": 2}
        for paths in files.values():
            for path in paths:
                assert read(path).seconds > SECONDS - 0.1


async def test_retries_are_silent_and_leave_nothing_behind(
    tmp_path: Path, streams: Streams, logs: list[Any], quick: list[float]
) -> None:
    folder = tmp_path / "records"
    folder.write_text("no folder")
    async with running(folder) as recorder:
        room = Room(recorder, "opus", "VP8")
        await room.send_until(lambda: len(quick) >= RETRIES, *streams)
        asked = room.keyframes_wanted
        assert room.recording.waiting == 0  # nothing is kept for later
        assert events(logs) == [STOPPED]
        assert (recorder.failures, recorder.restarts) == (1, 0)
        folder.unlink()
        await room.send_until(lambda: not room.warnings, *streams, every=STEADY)
        assert room.keyframes_wanted > asked
        await room.close()
    assert events(logs) == [STOPPED, STARTED]
    files = by_suffix(folder)
    assert {suffix: len(paths) for suffix, paths in files.items()} == {"ivf": 1, "ogg": 1, "webm": 1}


async def test_it_has_started_again_once_it_has_a_file_and_not_before(
    tmp_path: Path, streams: Streams, logs: list[Any], quick: list[float]
) -> None:
    """The disk takes files, but the list of uploads beside them cannot be written."""
    (tmp_path / FOLDER).write_text("no folder")
    recorder = Recorder(
        load_settings(record_dir=str(tmp_path), upload_recordings=True, s3_bucket="recordings")
    )
    room = Room(recorder, "opus", "VP8")
    await room.send_until(lambda: len(quick) >= RETRIES, *streams)
    assert events(logs) == [STOPPED]
    assert len(room.warned) == 1
    assert not by_suffix(tmp_path)
    (tmp_path / FOLDER).unlink()
    await room.send_until(lambda: not room.warnings, *streams, every=STEADY)
    await room.close()
    assert (recorder.failures, recorder.restarts) == (1, 1)
    assert events(logs) == [STOPPED, STARTED]
    assert set(by_suffix(tmp_path)) == {"ivf", "ogg", "webm"}


async def test_another_reason_is_shown_instead(
    tmp_path: Path, streams: Streams, logs: list[Any], quick: list[float]
) -> None:
    folder = tmp_path / "records"
    folder.write_text("no folder")
    async with running(folder) as recorder:
        room = Room(recorder, "opus")
        await room.send_until(lambda: room.warnings, streams[0])
        folder.unlink()
        with small_disk(folder, 4_096):
            await room.send_until(lambda: room.warnings == [FULL], streams[0])
            await room.close()
        assert recorder.failures == 1
    assert [line["reason"] for line in logs if line["event"] == STOPPED] == room.warned
    assert len(room.warned) == 2


async def test_a_bug_of_ours_is_tried_again_too(
    tmp_path: Path,
    streams: Streams,
    logs: list[Any],
    quick: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError

    async with running(tmp_path) as recorder:
        room = Room(recorder, "opus", "VP8")
        with monkeypatch.context() as patch:
            patch.setattr(Writer, "take", breaks)
            await room.send_until(lambda: room.warnings, *streams)
        assert room.warnings == ["recording stopped: internal error"]
        await room.send_until(lambda: not room.warnings, *streams, every=STEADY)
        await room.close()
    assert events(logs)[0] == "recording broke"
    assert events(logs)[-1] == STARTED
    assert set(by_suffix(tmp_path)) == {"ivf", "ogg", "webm"}


async def test_one_that_fails_can_be_closed_at_any_time(tmp_path: Path, streams: Streams) -> None:
    folder = tmp_path / "records"
    folder.write_text("no folder")
    async with running(folder) as recorder:
        room = Room(recorder, "opus", "VP8")
        await room.send_until(lambda: room.warnings, *streams)
        began = time.monotonic()
        await room.close()
        assert time.monotonic() - began < recording_module.RETRY_SECONDS / 2
        assert not room.warnings
        await eventually("it is forgotten", lambda: recorder.failing == 0, WITHIN)
        assert recorder.failures == 1
