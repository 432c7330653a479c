"""The files that are due, on a real disk: who may upload one, and what a crash leaves."""

import errno
import fcntl
from pathlib import Path

import pytest

from media.recording.journal import FOLDER, Journal

NAME = "demo_1.webm"


def claimed(folder: Path) -> bool:
    with Journal(folder).claim(NAME) as entry:
        return entry is not None


def _die(journal: Journal) -> None:
    """As the kernel does it: the lock ends with the process."""
    journal._writing.pop(NAME).close()


def test_a_file_that_is_written_is_due_and_nobody_else_s(tmp_path: Path) -> None:
    tmp_path /= "not/there yet"
    journal = Journal(tmp_path)
    journal.began(NAME, {})
    assert Journal(tmp_path).names() == {NAME}
    assert not claimed(tmp_path)
    journal.finished(NAME, {}, is_due=True)
    assert Journal(tmp_path).names() == {NAME}
    assert claimed(tmp_path)


def test_what_a_process_leaves_that_dies_is_due(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME, {})
    _die(journal)
    assert claimed(tmp_path)


def test_a_disk_without_locks_keeps_nothing_of_an_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(OSError, match="No locks"):
        Journal(tmp_path).began(NAME, {})
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_one_claims_it_at_a_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME, {})
    journal.finished(NAME, {}, is_due=True)
    with journal.claim(NAME) as entry:
        assert entry is not None
        assert not claimed(tmp_path)
    assert claimed(tmp_path)


def test_what_is_done_is_due_no_longer(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME, {})
    journal.finished(NAME, {}, is_due=True)
    with journal.claim(NAME) as entry:
        assert entry is not None
        entry.done()
        entry.done()  # also when somebody else has removed it
    assert not journal.names()
    assert not claimed(tmp_path)


def test_an_entry_that_was_removed_while_it_was_opened_is_none(tmp_path: Path) -> None:
    """The other process had uploaded the file by the moment that its lock ended."""
    journal = Journal(tmp_path)
    journal.began(NAME, {})
    with (tmp_path / FOLDER / NAME).open():
        (tmp_path / FOLDER / NAME).unlink()
        journal.finished(NAME, {}, is_due=True)
        assert not claimed(tmp_path)


def test_a_shorter_note_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME, {})
    journal.finished(NAME, {}, is_due=True)
    for note in ("a long note", "short", ""):
        with journal.claim(NAME) as entry:
            assert entry is not None
            entry.note = note
            entry.write()
            assert (tmp_path / FOLDER / NAME).read_text().partition("\n")[0] == note  # on disk at once
        with journal.claim(NAME) as entry:
            assert entry is not None
            assert entry.note == note


def test_other_files_beside_the_entries_are_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert not journal.names()  # no folder either
    journal.began(NAME, {})
    for name in (".demo_2.webm", "notes.txt"):
        (tmp_path / FOLDER / name).touch()
    assert journal.names() == {NAME}
    journal.finished(NAME, {}, is_due=True)


def test_without_uploads_an_entry_lasts_as_long_as_the_file_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME, {})
    assert journal.names() == {NAME}
    journal.finished(NAME, {}, is_due=False)
    assert journal.names() == set()
    journal.began(NAME, {})
    (tmp_path / FOLDER / NAME).unlink()
    journal.finished(NAME, {}, is_due=False)


def test_it_says_what_is_told_of_the_file_and_whether_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME, {"recording": "a long name"})
    journal.changed(NAME, {"recording": "short"})
    _die(journal)
    journal.changed(NAME, {"recording": "nobody writes it"})
    for told, note in ((False, ""), (True, "upload")):
        with journal.claim(NAME) as entry:
            assert entry is not None
            assert (entry.told, entry.note, entry.facts) == (told, note, {"recording": "short"})
            entry.told, entry.note = True, "upload"
            entry.write()


@pytest.mark.parametrize("text", ["", "upload0", "upload0\n{", 'upload0\n{"told": 1}', "upload0\n[]"])
def test_what_an_earlier_version_wrote_was_told_by_it(tmp_path: Path, text: str) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / NAME).write_text(text)
    with Journal(tmp_path).claim(NAME) as entry:
        assert entry is not None
        assert (entry.note, entry.told, entry.facts) == (text[:7], True, {})


def test_one_at_a_time_is_alone(tmp_path: Path) -> None:
    tmp_path /= "not/there yet"
    with Journal(tmp_path).alone() as first, Journal(tmp_path).alone() as second:
        assert (first, second) == (True, False)
    with Journal(tmp_path).alone() as later:
        assert later
