"""The files that are still to be uploaded: an entry for each, on disk beside the recordings.

The process that records or uploads a file locks its entry; the lock ends with the process. So an entry
without a lock is due, whichever worker made it, and a crash loses none.
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
    """One due upload, locked. `note` is what the upload remembers about itself."""

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
        """Remove the entry: the file is uploaded, or was deleted."""
        self._path.unlink(missing_ok=True)


class Journal:
    """A `FileLog` of the recordings in `folder`. Raises `OSError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._writing: dict[str, TextIO] = {}

    def began(self, name: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        unlocked = self._folder / f".{name}"  # not an entry yet: another worker could claim it first
        file = unlocked.open("a+", encoding="ascii")
        fcntl.flock(file, fcntl.LOCK_EX)
        unlocked.rename(self._folder / name)
        self._writing[name] = file

    def finished(self, name: str) -> None:
        self._writing.pop(name).close()

    def names(self) -> set[str]:
        """The files that are not uploaded yet, those being written included."""
        try:
            return {name for name in os.listdir(self._folder) if parse_record_name(name)}
        except FileNotFoundError:
            return set()

    @contextmanager
    def claim(self, name: str) -> Iterator[Entry | None]:
        """Lock the entry `name`; gives None when another process holds it, or has removed it."""
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
    """The `FileLog` when nothing is uploaded."""

    def began(self, name: str) -> None:
        """Nothing to note."""

    def finished(self, name: str) -> None:
        """Nothing to note."""

    def names(self) -> set[str]:
        return set()
