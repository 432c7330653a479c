"""What is still to be uploaded, on disk beside the recordings: one entry a file, for as long as it is due.

Whoever works on an entry, be it the recording or its upload, holds a lock on it, which ends with the process.
So an entry that nobody holds is due, whichever worker began it, and a crash loses none.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from shared.records.record_name import parse_record_name

FOLDER = ".uploads"  # below the folder of the recordings


class Entry:
    """One due upload, locked. `note` is what the upload wants to remember about itself."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.name = path.name
        self._path = path
        self._file = file

    @property
    def note(self) -> str:
        self._file.seek(0)
        return self._file.read()

    @note.setter
    def note(self, text: str) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(text)
        self._file.flush()

    def done(self) -> None:
        """It is uploaded, or gone for good."""
        self._path.unlink(missing_ok=True)


class Journal:
    """A `Ledger` of the recordings in `folder`. Raises `OSError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._writing: dict[str, TextIO] = {}

    def began(self, name: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        unlocked = self._folder / f".{name}"  # not an entry yet, or somebody might claim it first
        file = unlocked.open("a+", encoding="ascii")
        fcntl.flock(file, fcntl.LOCK_EX)
        unlocked.rename(self._folder / name)
        self._writing[name] = file

    def finished(self, name: str) -> None:
        self._writing.pop(name).close()

    def names(self) -> set[str]:
        """All that are not uploaded yet, being written or not."""
        try:
            return {name for name in os.listdir(self._folder) if parse_record_name(name)}
        except FileNotFoundError:
            return set()

    @contextmanager
    def claim(self, name: str) -> Iterator[Entry | None]:
        """Hold the entry `name`; None when somebody else does, or did it meanwhile."""
        path = self._folder / name
        try:
            file = path.open("r+", encoding="ascii")
        except FileNotFoundError:
            yield None
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield Entry(path, file) if os.fstat(file.fileno()).st_nlink else None


class NoJournal:
    """The `Ledger` where nothing is uploaded."""

    def began(self, name: str) -> None:
        """Nothing to note."""

    def finished(self, name: str) -> None:
        """Nothing to note."""

    def names(self) -> set[str]:
        return set()
