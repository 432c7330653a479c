"""The recording of a room as the room sees it: it never waits, and its failure does not stop the room."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.recording.recorded_room import Room, Streams, running
from tests.integration.recording.stage import by_suffix
from tests.support.rtp_source import audio, video
from tests.support.s3_server import S3Server
from tests.support.waiting import eventually

WITHIN = 10.0
LONG_SECONDS = 30


@pytest.mark.parametrize(
    ("forms", "suffixes"),
    [("tracks", {"ivf", "ogg"}), ("mux", {"webm"}), ("mux,tracks", {"ivf", "ogg", "webm"})],
)
async def test_a_room_is_recorded_in_the_forms_that_are_chosen(
    tmp_path: Path, streams: Streams, forms: str, suffixes: set[str]
) -> None:
    async with running(tmp_path, record_formats=forms) as recorder:
        room = Room(recorder, "opus", "VP8")
        assert recorder.active == 1
        room.send(*streams)
        await room.close()
        await eventually("it is forgotten", lambda: recorder.active == 0, WITHIN)
    assert set(by_suffix(tmp_path)) == suffixes
    assert not room.warned


@pytest.mark.parametrize(
    ("limit", "parts"),
    [
        ({}, 1),
        ({"record_max_seconds": 1.0}, 3),
        ({"record_max_bytes": 10**9}, 1),
    ],
    ids=["no limit", "1 s", "1 GB"],
)
async def test_a_recording_continues_in_a_new_file_at_the_first_keyframe_after_its_limit(
    tmp_path: Path, streams: Streams, limit: dict[str, Any], parts: int
) -> None:
    """The stream has keyframes at 0, 1 and 2 s."""
    async with running(tmp_path, record_formats="mux", **limit) as recorder:
        room = Room(recorder, "opus", "VP8")
        room.send(*streams)
        await room.close()
    assert len(by_suffix(tmp_path)["webm"]) == parts


async def test_a_recording_continues_in_a_new_file_after_so_many_bytes(tmp_path: Path) -> None:
    """At a keyframe, which the stream has each second."""
    sizes = {}
    for limit in (0, 10_000):
        folder = tmp_path / str(limit)
        async with running(folder, record_formats="mux", record_max_bytes=limit) as recorder:
            room = Room(recorder, "opus", "VP8")
            room.send(audio(LONG_SECONDS), video("VP8", LONG_SECONDS))
            await room.close()
        sizes[limit] = [path.stat().st_size for path in by_suffix(folder)["webm"]]
    [whole] = sizes[0]
    assert whole > 10_000
    assert max(sizes[10_000]) < whole
    assert sum(sizes[10_000]) >= whole


@pytest.mark.parametrize("deletes", [True, False])
async def test_a_recording_is_deleted_after_its_upload_only_if_the_setting_says_so(
    tmp_path: Path, streams: Streams, s3: S3Server, deletes: bool
) -> None:
    async with running(
        tmp_path, record_formats="mux", delete_recording_after_upload=deletes, **s3.settings
    ) as recorder:
        room = Room(recorder, "opus", "VP8")
        room.send(*streams)
        await room.close()
        await eventually("it is uploaded", lambda: recorder.uploaded == 1, WITHIN)
    assert len(s3.objects()) == 1
    assert bool(by_suffix(tmp_path)) is not deletes
