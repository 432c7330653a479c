"""The begin and the end of a recording in the store, at their places in a file with a hole between them.

That is what a demuxer reads of it; recordings may have gigabytes.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from shared.records.store import Store

BEGIN_BYTES = 8 << 20
END_BYTES = 1 << 20
TABLE_BYTES = 32 << 20  # of the table of frames that ends an MP4: 16 for each of two million frames


class SparseCopy(NamedTuple):
    file: BinaryIO
    whole: bool  # False: there is a hole in what tells the length


@contextmanager
def sparse_copy(store: Store, name: str, size: int, folder: Path) -> Iterator[SparseCopy]:
    """A file in `folder` that has no name and goes with the block. Raises `StoreError`, `OSError`."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(size)
        begin = store.read(name, 0, min(size, BEGIN_BYTES)) if size else b""
        file.write(begin)
        table = _table_at(begin)
        has_table = table is not None and 0 < size - table <= TABLE_BYTES
        end = max(len(begin), table if table is not None and has_table else size - END_BYTES)
        if end < size:
            file.seek(end)
            file.write(store.read(name, end, size - end))
        file.seek(0)
        yield SparseCopy(file, has_table or size <= BEGIN_BYTES + END_BYTES)


def _table_at(begin: bytes) -> int | None:
    """Where the table of frames is in an MP4 that ended well: behind the one box that holds its media.

    FFmpeg leaves room for that box's head, also for the longer one of a box beyond 4 GiB (ISO/IEC 14496-12
    4.2), behind the first box.
    """
    at = int.from_bytes(begin[:4])
    if begin[4:8] != b"ftyp":
        return None
    if begin[at + 4 : at + 8] == b"free":
        at += 8
    size, kind = int.from_bytes(begin[at : at + 4]), begin[at + 4 : at + 8]
    if kind != b"mdat":
        return None
    return at + (int.from_bytes(begin[at + 8 : at + 16]) if size == 1 else size)
