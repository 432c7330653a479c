"""Names of recordings: parsed as they were made, and none leads out of the folder."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.names import RoomName
from shared.records.folder import find_in_folder, list_folder
from shared.records.record_name import CONTENT_TYPES, mux_name, parse_record_name, track_name

rooms = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True).map(RoomName)
TRACKS, MUXED = ("ivf", "ogg", "h264", "h265"), ("webm", "mkv", "mp4")


@given(rooms, st.sampled_from(["audio", "video"]), st.integers(0, 9), st.sampled_from(TRACKS))
def test_a_tracks_name_tells_its_room(room: RoomName, kind: str, index: int, suffix: str) -> None:
    name = parse_record_name(track_name(room, kind, index, 1710123456, suffix))
    assert name is not None
    assert name.room == room
    assert name.content_type == CONTENT_TYPES[suffix]


@given(rooms, st.sampled_from(MUXED))
def test_a_muxed_files_name_tells_its_room(room: RoomName, suffix: str) -> None:
    name = parse_record_name(mux_name(room, 1710123456, suffix))
    assert name is not None
    assert name.room == room


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "../demo_1.webm", "demo_1.webm/..", "/demo_1.webm", "demo_1.webm\n", "demo_1.exe",
        ".uploads", "demo.ivf", "a b_1.webm", "demo_1.webm\0", "démo_1.webm", "demo_video0_1.ivf.part",
        "demo_1.WEBM", "a" * 70 + "_1.mp4",
    ],
)  # fmt: skip
def test_other_names_are_none(text: str) -> None:
    assert parse_record_name(text) is None


def test_the_folder_shows_recordings_and_nothing_else(tmp_path: Path) -> None:
    for number, name in enumerate(("demo_1.webm", "demo_video0_1.ivf", "notes.txt", "demo_2.mp4.part")):
        (tmp_path / name).write_bytes(b"x" * number)
        os.utime(tmp_path / name, (number, number))
    (tmp_path / "demo_3.webm").symlink_to("/etc/passwd")
    (tmp_path / "demo_4.webm").mkdir()
    assert [tuple(record) for record in list_folder(tmp_path)] == [
        ("demo_video0_1.ivf", 1, 1.0),
        ("demo_1.webm", 0, 0.0),
    ]
    for text, there in (
        ("demo_1.webm", True),
        ("demo_3.webm", False),
        ("demo_4.webm", False),
        ("demo_9.webm", False),
    ):
        name = parse_record_name(text)
        assert name is not None
        assert (find_in_folder(tmp_path, name) is not None) is there
    assert list_folder(tmp_path / "nowhere") == []
