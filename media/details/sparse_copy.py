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


class SparseCopy(NamedTuple):
    file: BinaryIO
    whole: bool  # False: there is a hole


@contextmanager
def sparse_copy(store: Store, name: str, size: int, folder: Path) -> Iterator[SparseCopy]:
    """A file in `folder` that has no name and goes with the block. Raises `StoreError`, `OSError`."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(size)
        begin = min(size, BEGIN_BYTES)
        for at, length in ((0, begin), (max(begin, size - END_BYTES), min(size - begin, END_BYTES))):
            if length:
                file.seek(at)
                file.write(store.read(name, at, length))
        file.seek(0)
        yield SparseCopy(file, size <= BEGIN_BYTES + END_BYTES)
