"""A recording that failed starts again by itself, and makes no fuss until it can."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from media.recording import recording as recording_module
from tests.integration.recording.recorded_room import STEADY, STREAM_SECONDS, Room, Streams, running
from tests.integration.recording.stage import by_suffix
from tests.support.disk import small_disk
from tests.support.recorded import read

FULL = "recording stopped: No space left on device"


async def test_on_a_full_disk_that_is_freed_new_files_begin(
    tmp_path: Path, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RETRY_SECONDS", "LAST_RETRY_SECONDS"):
        monkeypatch.setattr(recording_module, name, 0.02)
    with small_disk(tmp_path / "disk", 4_000_000) as folder, capture_logs() as logs:
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
        # a stream that is sent faster than in real life may also be too fast for the disk
        told = [line["event"] for line in logs if line["event"].startswith("recording ")]
        assert [event for event in told if "drops packets" not in event] == [
            "recording stopped",
            "recording started again",
        ]
        files = by_suffix(folder)
        assert {suffix: len(paths) for suffix, paths in files.items()} == {"ivf": 2, "ogg": 2, "webm": 2}
        for paths in files.values():
            for path in paths:
                assert read(path).seconds > STREAM_SECONDS - 0.1
