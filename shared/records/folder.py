"""The folder of recordings; names cannot lead out of it."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from shared.messages.records import Record
from shared.records.record_name import RecordName, parse_record_name


def list_folder(folder: Path) -> list[Record]:
    """All recordings in `folder`, newest first; none when the folder does not exist."""
    records = []
    try:
        with os.scandir(folder) as entries:
            names = [entry for entry in entries if parse_record_name(entry.name)]
    except OSError:
        return []
    for entry in names:
        with suppress(OSError):  # it was deleted meanwhile: the others are still there
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                records.append(Record(entry.name, status.st_size, status.st_mtime))
    records.sort(key=lambda record: (-record.modified, record.name))
    return records


def find_in_folder(folder: Path, name: RecordName) -> Path | None:
    """The path of a recording; None when `folder` does not have it. A symbolic link is not a recording."""
    path = folder / name.text
    try:
        is_file = stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return None
    return path if is_file else None


def delete_file(folder: Path, name: RecordName) -> bool:
    """Delete a recording, without its details; whether it was there. Raises `OSError`."""
    path = find_in_folder(folder, name)
    if path is not None:
        path.unlink(missing_ok=True)
    return path is not None
