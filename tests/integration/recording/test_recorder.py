"""The recording of a room as the room sees it: it never waits, and its failure does not stop the room."""

from pathlib import Path

import pytest

from tests.integration.recording.recorded_room import Room, Streams, running
from tests.integration.recording.stage import by_suffix
from tests.support.waiting import eventually

WITHIN = 10.0


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
