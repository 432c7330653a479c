"""One file on a real disk: what is there at each moment, also when a write fails."""

import os
from pathlib import Path
from typing import Any

import pytest

from media.recording.part_file import TRIAL_BYTES, PartFile, try_folder


def part(folder: Path, unix: int = 7) -> PartFile:
    return PartFile(folder, lambda second: f"demo_{second}.webm", unix)


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "demo_7.webm").write_bytes(b"before")
    (tmp_path / "demo_8.webm").touch()
    file = part(tmp_path / "deep" / "er")
    assert (file.path.name, file.unix) == ("demo_7.webm", 7)
    file = part(tmp_path)
    assert (file.path.name, file.unix) == ("demo_9.webm", 9)
    assert (tmp_path / "demo_7.webm").read_bytes() == b"before"


def test_what_is_written_is_in_the_kernel_at_once(tmp_path: Path) -> None:
    file = part(tmp_path)
    assert file.write(b"header") == 6
    assert file.path.read_bytes() == b"header"
    file.overwrite(0, b"H")
    assert file.path.read_bytes() == b"Header"
    assert file.tell() == 6


def test_a_file_without_a_whole_record_is_gone_when_it_is_closed(tmp_path: Path) -> None:
    file = part(tmp_path)
    file.write(b"head")
    file.close()
    file.close()
    assert not list(tmp_path.iterdir())


def test_a_file_with_a_whole_record_stays(tmp_path: Path) -> None:
    file = part(tmp_path)
    file.write(b"one")
    file.commit()
    file.write(b"two")
    assert file.size == 3
    file.close()
    assert (tmp_path / "demo_7.webm").read_bytes() == b"onetwo"


class _Full:
    """A file on a disk that has `room` bytes."""

    def __init__(self, file: Any, room: int) -> None:
        self._file = file
        self._room = room

    def write(self, data: memoryview) -> int:
        written: int = self._file.write(data[: self._room])
        if not written:
            raise OSError(28, "No space left on device")
        self._room -= written
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_on_a_full_disk_it_is_as_its_last_whole_record_left_it(tmp_path: Path) -> None:
    file = part(tmp_path)
    file.write(b"one")
    file.commit()
    monkey: Any = file
    monkey._file = _Full(monkey._file, 2)
    with pytest.raises(OSError, match="No space"):
        file.write(b"three")
    assert file.path.read_bytes() == b"one"
    assert file.broken
    file.write(b"the muxer's trailer")
    file.overwrite(0, b"X")
    file.commit()
    assert file.size == 3
    file.close()
    assert (tmp_path / "demo_7.webm").read_bytes() == b"one"


def test_a_short_write_is_gone_on_with(tmp_path: Path) -> None:
    file = part(tmp_path)
    monkey: Any = file
    real = monkey._file

    class Slow(_Full):
        def write(self, data: memoryview) -> int:
            written: int = self._file.write(data[:2])
            return written

    monkey._file = Slow(real, 0)
    assert file.write(b"abcde") == 5
    assert file.path.read_bytes() == b"abcde"


def test_who_deletes_it_is_noticed(tmp_path: Path) -> None:
    file = part(tmp_path)
    assert not file.removed
    os.unlink(file.path)
    assert file.removed


def test_a_folder_is_tried_without_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try_folder(tmp_path / "deep" / "er")
    assert not list((tmp_path / "deep" / "er").iterdir())
    assert TRIAL_BYTES == 1 << 20
