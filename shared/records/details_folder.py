"""The details of the recordings in a folder. Every call blocks.

Writers replace details as a whole: who reads sees the old ones or the new ones.
"""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from pathlib import Path

from shared.messages.records import RecordDetails
from shared.records.details import (
    FOLDER,
    MAX_BYTES,
    belongs_to,
    details_name,
    details_prefix,
    pack_pictures,
    parse_details_name,
    picture_in,
    recording_of,
)
from shared.records.folder import delete_file, find_in_folder
from shared.records.record_name import RecordName

_UNFINISHED = ".new-"  # what the names of those begin with that are being written
_STALE_SECONDS = 3600.0


def list_details(folder: Path) -> list[RecordDetails]:
    """The details of all recordings in `folder`; none when it cannot be read."""
    found = []
    with suppress(OSError), os.scandir(folder / FOLDER) as entries:
        for entry in entries:
            with suppress(OSError):  # it was deleted meanwhile
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    details = parse_details_name(entry.name, status.st_size)
                    if details is not None:
                        found.append(details)
    return found


def details_of(folder: Path, name: RecordName, size: int) -> RecordDetails | None:
    """The details of the recording `name` while it has `size` bytes."""
    for path in _paths(folder, name):
        with suppress(OSError):
            details = parse_details_name(path.name, path.lstat().st_size)
            if details is not None and details.size == size:
                return details
    return None


def read_content(folder: Path, details: RecordDetails) -> bytes:
    """The content of these details; raises `OSError`."""
    with open(folder / FOLDER / details_name(details), "rb", opener=_open_file) as file:
        return file.read(MAX_BYTES)


def read_picture(folder: Path, name: RecordName, width: int) -> bytes | None:
    """The still picture of a recording that is there, as it is now; None if it has none."""
    path = find_in_folder(folder, name)
    if path is None:
        return None
    with suppress(OSError):
        details = details_of(folder, name, path.lstat().st_size)
        if details is not None and details.has_stills:
            return picture_in(read_content(folder, details), width)
    return None


def write_details(
    folder: Path, name: RecordName, details: RecordDetails, pictures: Mapping[int, bytes]
) -> None:
    """Write a recording's details, in place of any others of it. Raises `OSError`."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder / FOLDER, prefix=_UNFINISHED, delete=False) as file:
        try:
            file.write(pack_pictures(pictures))
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # as a recording: control may be another user
            os.replace(file.name, folder / FOLDER / details_name(details))
        except BaseException:
            with suppress(OSError):
                os.unlink(file.name)
            raise
    for path in _paths(folder, name):
        if path.name != details_name(details):
            path.unlink(missing_ok=True)


def delete_details(folder: Path, names: Set[str]) -> None:
    """Delete the details of these recordings, in one look at all details. Raises `OSError`."""
    for text in _listed(folder) if names else ():
        if recording_of(text) in names:
            (folder / FOLDER / text).unlink(missing_ok=True)


def delete_recording(folder: Path, name: RecordName) -> bool:
    """Delete a recording and its details; whether it was there. Raises `OSError`."""
    was_there = delete_file(folder, name)
    delete_details(folder, {name.text})
    return was_there


def delete_orphans(folder: Path, present: set[str], now: float) -> int:
    """Delete details of recordings that are not `present`, and what a crash left half written.

    Whoever deletes files by hand leaves such details. `present` may lack recordings: the disk has been asked
    while it did not answer. So each is looked for once more. Gives the number of those deleted.
    """
    deleted = 0
    with suppress(OSError), os.scandir(folder / FOLDER) as entries:
        for entry in entries:
            with suppress(OSError):
                changed = entry.stat(follow_symlinks=False).st_mtime
                if now - changed < _STALE_SECONDS:
                    continue
                details = parse_details_name(entry.name, 0)
                if entry.name.startswith(_UNFINISHED) or (
                    details and details.name not in present and _is_gone(folder / details.name)
                ):
                    os.unlink(entry.path)
                    deleted += 1
    return deleted


def _is_gone(path: Path) -> bool:
    """Whether the recording is gone. Raises `OSError` when the disk does not say."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    return False


def _paths(folder: Path, name: RecordName) -> Iterator[Path]:
    prefix = details_prefix(name.text)
    for text in _listed(folder):
        if text.startswith(prefix) and belongs_to(text, name):
            yield folder / FOLDER / text


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder / FOLDER)
    except FileNotFoundError:
        return []


def _open_file(path: str, flags: int) -> int:
    """Open a plain file: neither what a link leads to, nor a pipe to which nobody writes."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
