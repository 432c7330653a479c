"""Details beside recordings: true of the file as it is, gone with it, and never outside of the folder."""

import os
from pathlib import Path

import pytest

from shared.messages.records import RecordDetails
from shared.records.details import FOLDER, details_name
from shared.records.details_folder import (
    delete_orphans,
    delete_recording,
    details_of,
    list_details,
    read_picture,
    write_details,
)
from shared.records.folder import list_folder
from shared.records.record_name import RecordName, parse_record_name

PICTURES = {320: b"small", 640: b"large"}
LATER = 10_000.0


def recording(folder: Path, text: str, size: int = 5) -> RecordName:
    name = parse_record_name(text)
    assert name is not None
    (folder / text).write_bytes(bytes(size))
    return name


def describe(folder: Path, name: RecordName, size: int = 5) -> RecordDetails:
    details = RecordDetails(name.text, size, 1.0, 640, 360, True)
    write_details(folder, name, details, PICTURES)
    return details


def test_what_was_written_is_listed_and_shown_until_the_file_grows(tmp_path: Path) -> None:
    name = recording(tmp_path, "demo_1.webm")
    details = describe(tmp_path, name)
    assert list_details(tmp_path) == [details]
    assert details_of(tmp_path, name, 5) == details
    assert read_picture(tmp_path, name, 320) == b"small"
    assert [record.name for record in list_folder(tmp_path)] == ["demo_1.webm"]
    recording(tmp_path, "demo_1.webm", 6)
    assert details_of(tmp_path, name, 6) is None
    assert read_picture(tmp_path, name, 320) is None
    again = describe(tmp_path, name, 6)
    assert list_details(tmp_path) == [again]  # in place of the others
    assert (tmp_path / FOLDER / details_name(again)).stat().st_mode & 0o444 == 0o444


def test_they_go_with_the_recording_and_leave_those_of_others(tmp_path: Path) -> None:
    name, other = recording(tmp_path, "demo_1.webm"), recording(tmp_path, "demo_11.webm")
    describe(tmp_path, name)
    kept = describe(tmp_path, other)
    assert delete_recording(tmp_path, name)
    assert not delete_recording(tmp_path, name)
    assert list_details(tmp_path) == [kept]


def test_no_recording_no_picture(tmp_path: Path) -> None:
    name = recording(tmp_path, "demo_1.webm")
    describe(tmp_path, name)
    (tmp_path / name.text).unlink()
    assert read_picture(tmp_path, name, 320) is None
    assert read_picture(tmp_path / "nowhere", name, 320) is None


def test_a_link_in_place_of_details_leads_nowhere(tmp_path: Path) -> None:
    name = recording(tmp_path, "demo_1.webm")
    path = tmp_path / FOLDER / details_name(describe(tmp_path, name))
    outside = tmp_path / "outside"
    path.rename(outside)
    path.symlink_to(outside)
    assert list_details(tmp_path) == []
    assert read_picture(tmp_path, name, 320) is None


def test_what_nobody_needs_any_more_is_deleted(tmp_path: Path) -> None:
    name, other = recording(tmp_path, "demo_1.webm"), recording(tmp_path, "demo_2.webm")
    describe(tmp_path, name)
    kept = describe(tmp_path, other)
    half = tmp_path / FOLDER / ".new-abc"
    half.touch()
    (tmp_path / FOLDER / "notes.txt").touch()
    (tmp_path / name.text).unlink()
    now = half.stat().st_mtime
    assert delete_orphans(tmp_path, {other.text}, now) == 0  # young ones may belong to what is being made
    assert delete_orphans(tmp_path, {other.text}, now + LATER) == 2
    assert list_details(tmp_path) == [kept]
    assert sorted(os.listdir(tmp_path / FOLDER)) == sorted([details_name(kept), "notes.txt"])


def test_a_folder_that_could_not_be_listed_loses_nothing(tmp_path: Path) -> None:
    kept = describe(tmp_path, recording(tmp_path, "demo_1.webm"))
    assert delete_orphans(tmp_path, set(), (tmp_path / FOLDER).stat().st_mtime + LATER) == 0
    assert list_details(tmp_path) == [kept]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = recording(tmp_path, "demo_1.webm")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="No space"):
        describe(tmp_path, name)
    assert os.listdir(tmp_path / FOLDER) == []
