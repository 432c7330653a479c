"""The files that are being written, or are still to be told of or uploaded: an entry for each, beside them.

The process that records or uploads a file locks its entry; the lock ends with the process. So an entry
without a lock is due, whichever worker made it, and a crash loses none.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from shared.messages.events import Facts
from shared.records.record_name import parse_record_name

FOLDER = ".uploads"  # below the folder of the recordings; named when there were entries for uploads only


class Entry:
    """One due file, locked. `note` is what its upload remembers about itself.

    `facts` are what is told of the file, and `told` is whether it was told as ready. An entry that an earlier
    version made says neither: its worker has told of it.
    """

    def __init__(self, path: Path, file: TextIO) -> None:
        self.name = path.name
        self.facts: Facts = {}
        self.told = True
        self._path = path
        self._file = file
        file.seek(0)
        self.note, _, state = file.read().partition("\n")
        with suppress(ValueError, KeyError, TypeError):
            state = json.loads(state)
            self.facts, self.told = dict(state["facts"]), bool(state["told"])

    def write(self) -> None:
        """Write down what the entry says now."""
        _write(self._file, self.note, self.facts, told=self.told)

    def done(self) -> None:
        """Remove the entry: nothing is left to be done with the file, or it was deleted."""
        self._path.unlink(missing_ok=True)


class Journal:
    """The entries of the recordings in `folder`. Raises `OSError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._writing: dict[str, TextIO] = {}

    def began(self, name: str, facts: Facts) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        unlocked = self._folder / f".{name}"  # not an entry yet: another worker could claim it first
        file = unlocked.open("w+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            _write(file, "", facts, told=False)
            unlocked.rename(self._folder / name)
        except OSError:  # as on a network's disk without locks: each file that is recorded comes here
            with suppress(OSError):  # what is still to be written
                file.close()
            with suppress(OSError):
                unlocked.unlink()
            raise
        self._writing[name] = file

    def changed(self, name: str, facts: Facts) -> None:
        """Other facts are told of a file that is being written."""
        if (file := self._writing.get(name)) is not None:
            _write(file, "", facts, told=False)

    def finished(self, name: str, facts: Facts, *, is_due: bool) -> None:
        """A file is complete, and was told as ready; `is_due`: it is to be uploaded."""
        if (file := self._writing.pop(name, None)) is None:
            return
        with file:
            if is_due:
                _write(file, "", facts, told=True)
            else:
                (self._folder / name).unlink(missing_ok=True)

    def names(self) -> set[str]:
        """The files with an entry, those being written included."""
        try:
            return {name for name in os.listdir(self._folder) if parse_record_name(name)}
        except FileNotFoundError:
            return set()

    @contextmanager
    def claim(self, name: str) -> Iterator[Entry | None]:
        """Lock the entry `name`; gives None when another process holds it, or has removed it."""
        path = self._folder / name
        try:
            file = path.open("r+", encoding="utf-8", errors="replace")
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

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process is within this, of those that share the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(folder)


def _write(file: TextIO, note: str, facts: Facts, *, told: bool) -> None:
    """The note is the first line: earlier versions know nothing else. On a full disk the old text stays."""
    file.seek(0)
    file.write(f"{note}\n{json.dumps({'told': told, 'facts': facts})}")
    file.truncate()  # and flush it
