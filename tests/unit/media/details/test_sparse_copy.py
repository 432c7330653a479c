"""What is read of a recording in the store: its begin, and what tells its length."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from media.details.sparse_copy import BEGIN_BYTES, END_BYTES, TABLE_BYTES, sparse_copy

MIB = 1 << 20


def box(size: int, kind: bytes) -> bytes:
    return size.to_bytes(4) + kind


def reads(folder: Path, begin: bytes, size: int) -> tuple[list[tuple[int, int]], bool]:
    """What is read of an object that begins so, from where and how much, and whether that is the whole."""
    found = []

    def read(_: str, at: int, length: int) -> bytes:
        found.append((at, length))
        return begin.ljust(length, b"\0") if at == 0 else b""

    store: Any = SimpleNamespace(read=read)
    with sparse_copy(store, "demo_1.mp4", size, folder) as (_, whole):
        return found, whole


FRAGMENTS = box(24, b"ftyp") + bytes(16) + box(8, b"free") + box(32, b"free") + bytes(24)
TABLE = box(24, b"ftyp") + bytes(16) + box(8, b"free") + box(50 * MIB, b"mdat") + bytes(24)
LONG = box(24, b"ftyp") + bytes(16) + box(1, b"mdat") + (6000 * MIB).to_bytes(8) + bytes(24)


@pytest.mark.parametrize(
    ("begin", "size", "end", "whole"),
    [
        (b"", 100 * MIB, 100 * MIB - END_BYTES, False),
        (FRAGMENTS, 100 * MIB, 100 * MIB - END_BYTES, False),
        (TABLE, 55 * MIB, 50 * MIB + 32, True),
        (TABLE, 49 * MIB, 49 * MIB - END_BYTES, False),  # damaged: the table would be beyond its end
        (TABLE, 50 * MIB + 32 + TABLE_BYTES, 50 * MIB + 32, True),
        (TABLE, 50 * MIB + 33 + TABLE_BYTES, 49 * MIB + 33 + TABLE_BYTES, False),
        (LONG, 6003 * MIB, 6000 * MIB + 24, True),  # of more than 4 GiB
    ],
)
def test_the_table_of_an_mp4_is_read_as_a_whole(
    tmp_path: Path, begin: bytes, size: int, end: int, whole: bool
) -> None:
    assert reads(tmp_path, begin, size) == ([(0, BEGIN_BYTES), (end, size - end)], whole)


def test_a_short_recording_is_read_as_a_whole(tmp_path: Path) -> None:
    assert reads(tmp_path, b"", 0) == ([], True)
    assert reads(tmp_path, b"", 5) == ([(0, 5)], True)
    assert reads(tmp_path, b"", BEGIN_BYTES + 5) == ([(0, BEGIN_BYTES), (BEGIN_BYTES, 5)], True)
