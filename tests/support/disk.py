"""A disk that is soon full."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of `size` bytes. It requires root."""
    folder.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True
    )
    assert mounting.returncode == 0, f"this test mounts a file system, which requires root: {mounting.stderr}"
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def read_only(folder: Path) -> None:
    """Let nothing be written or deleted on that file system any more."""
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
