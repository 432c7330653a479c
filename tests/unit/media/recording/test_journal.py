"""The files that are due, on a real disk: who may upload one, and what a crash leaves."""

from pathlib import Path

from media.recording.journal import FOLDER, Journal, NoJournal

NAME = "demo_1.webm"


def claimed(folder: Path, name: str = NAME) -> bool:
    with Journal(folder).claim(name) as entry:
        return entry is not None


def test_a_file_that_is_written_is_due_and_nobody_else_s(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME)
    assert Journal(tmp_path).names() == {NAME}
    assert not claimed(tmp_path)
    journal.finished(NAME)
    assert Journal(tmp_path).names() == {NAME}
    assert claimed(tmp_path)


def test_what_a_process_leaves_that_dies_is_due(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME)
    journal._writing.pop(NAME).close()  # as the kernel does: its lock ends with it
    assert claimed(tmp_path)


def test_one_claims_it_at_a_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME)
    journal.finished(NAME)
    with journal.claim(NAME) as entry:
        assert entry is not None
        assert not claimed(tmp_path)
    assert claimed(tmp_path)


def test_what_is_done_is_due_no_longer(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME)
    journal.finished(NAME)
    with journal.claim(NAME) as entry:
        assert entry is not None
        entry.done()
        entry.done()  # also when somebody else has removed it
    assert not journal.names()
    assert not claimed(tmp_path)


def test_an_entry_that_was_removed_while_it_was_opened_is_none(tmp_path: Path) -> None:
    """The other process had uploaded the file by the moment that its lock ended."""
    journal = Journal(tmp_path)
    journal.began(NAME)
    with (tmp_path / FOLDER / NAME).open():
        (tmp_path / FOLDER / NAME).unlink()
        journal.finished(NAME)
        assert not claimed(tmp_path)


def test_a_shorter_note_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME)
    journal.finished(NAME)
    for note in ("a long note", "short", ""):
        with journal.claim(NAME) as entry:
            assert entry is not None
            entry.note = note
            assert (tmp_path / FOLDER / NAME).read_text() == note  # on disk at once
        with journal.claim(NAME) as entry:
            assert entry is not None
            assert entry.note == note


def test_other_files_beside_the_entries_are_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert not journal.names()  # no folder either
    journal.began(NAME)
    for name in (".demo_2.webm", "notes.txt"):
        (tmp_path / FOLDER / name).touch()
    assert journal.names() == {NAME}
    journal.finished(NAME)


def test_without_uploads_nothing_is_due(tmp_path: Path) -> None:
    journal = NoJournal()
    journal.began(NAME)
    journal.finished(NAME)
    assert journal.names() == set()
