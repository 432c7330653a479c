"""One file of a recording on disk: never overwrites another, and is valid up to its last whole record."""

import io
import os
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

TRIAL_BYTES = 1 << 20  # some seconds of a stream: with less room a new file would fail at once


def try_folder(folder: Path) -> None:
    """Write a file without a name, and give it up again. Raises `OSError` when that is not possible."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(TRIAL_BYTES))


class PartFile(io.RawIOBase):
    """A new file, named by `name_of(unix)`; when a name is taken, the next second's is used.

    Written bytes reach the kernel at once, and so survive the process. When a write fails, the file is cut
    back to what was committed, and all later writes do nothing: a muxer may still try to end its file.
    Raises `OSError`.
    """

    def __init__(self, folder: Path, name_of: Callable[[int], str], unix: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for second in count(unix):
            self.path = folder / name_of(second)
            try:
                self._file = self.path.open("xb", buffering=0)
            except FileExistsError:
                continue
            self.unix = second
            break
        self.broken = False
        self.size = 0  # committed bytes
        self._grew = False  # since the last commit
        super().__init__()

    def __del__(self) -> None:
        if hasattr(self, "size"):  # otherwise it was never opened
            super().__del__()

    @property
    def removed(self) -> bool:
        """Whether somebody deleted it."""
        return os.fstat(self._file.fileno()).st_nlink == 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        size = len(view)
        self._grew = True
        try:
            while view and not self.broken:
                view = view[self._file.write(view) :]
        except OSError:
            self.broken = True
            self._file.truncate(self.size)
            raise
        return size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def overwrite(self, offset: int, data: bytes) -> None:
        """Change bytes that are already written."""
        if not self.broken:
            os.pwrite(self._file.fileno(), data, offset)

    def commit(self) -> None:
        """Mark all bytes so far as a valid file."""
        if self._grew and not self.broken:
            self.size = self._file.tell()
            self._grew = False

    def close(self) -> None:
        """Close the file, and delete it if nothing was ever committed."""
        if self.closed:
            return
        if not self.size:
            self.path.unlink(missing_ok=True)
        self._file.close()
        super().close()
