"""A recording that failed starts again by itself, and makes no fuss until it can."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from media.recording import recording as recording_module
from media.recording.writer import Writer
from tests.integration.recording.recorded_room import STEADY, STREAM_SECONDS, Room, Streams, running
from tests.integration.recording.stage import by_suffix
from tests.support.disk import small_disk
from tests.support.recorded import read

FULL = "recording stopped: No space left on device"
STOPPED, STARTED = "recording stopped", "recording started again"


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
            totals = recorder.totals()
            assert (totals["failures"], totals["restarts"]) == (1, 1)
        assert events(logs) == [STOPPED, STARTED]
        files = by_suffix(folder)
        assert {suffix: len(paths) for suffix, paths in files.items()} == {"ivf": 2, "ogg": 2, "webm": 2}
        for paths in files.values():
            for path in paths:
                assert read(path).seconds > STREAM_SECONDS - 0.1
