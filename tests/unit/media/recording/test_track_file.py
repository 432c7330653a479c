"""One track's files on a real disk: when a part begins and ends, and what a crash would leave."""

from pathlib import Path
from typing import Any

import pytest

from media.payload.picture import Setup
from media.recording import track_file as module
from media.recording.frame import Frame
from media.recording.limits import Limits
from media.recording.part_file import PartFile
from media.recording.track_file import TrackFile

RATE = 90_000
SETUP: Any = Setup(320, 240)


class World:
    def __init__(
        self, folder: Path, limits: Limits | None = None, codec: str = "VP8", rate: int = RATE
    ) -> None:
        self.folder = folder
        self.ended: list[str] = []
        self.rate = rate
        self.file = TrackFile(codec, rate, limits or Limits(), self._open, self._end)

    def _open(self) -> PartFile:
        return PartFile(self.folder, lambda unix: f"part_{unix}", 1)

    def _end(self, file: PartFile) -> None:
        self.ended.append(file.path.name)

    def write(self, seconds: float, *, key: bool = False, size: int = 100) -> None:
        self.file.write(Frame(round(seconds * self.rate), bytes(size), SETUP if key else None))

    def on_disk(self) -> dict[str, int]:
        return {path.name: path.stat().st_size for path in sorted(self.folder.iterdir())}


def test_the_first_frame_is_on_disk_at_once(tmp_path: Path) -> None:
    """No file stays empty for long, in case of a crash."""
    world = World(tmp_path)
    world.write(0.0, key=True)
    [size] = world.on_disk().values()
    assert size > 100
    world.write(0.1)
    assert list(world.on_disk().values()) == [size]
    world.file.flush()
    [more] = world.on_disk().values()
    assert more > size + 100
    world.file.flush()  # nothing is pending
    assert list(world.on_disk().values()) == [more]


def test_much_that_is_pending_goes_to_the_disk_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH_BYTES", 1000)
    world = World(tmp_path)
    world.write(0.0, key=True)
    [first] = world.on_disk().values()
    for number in range(1, 10):
        world.write(number / 10, size=400)
        [size] = world.on_disk().values()
        assert (size > first) is (number >= 3)


def test_a_part_ends_with_a_keyframe_after_its_time(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(seconds=1.0))
    world.write(5.0, key=True)
    world.write(5.9, key=True)
    assert not world.file.wants_keyframe
    world.write(6.0)
    assert world.file.wants_keyframe
    assert not world.ended
    world.write(6.1)  # it goes on until a keyframe comes
    assert list(world.on_disk()) == ["part_1"]
    world.write(6.2, key=True)
    assert world.ended == ["part_1"]
    assert list(world.on_disk()) == ["part_1", "part_2"]
    assert not world.file.wants_keyframe


def test_sound_needs_no_keyframe_to_begin_a_part(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(seconds=1.0), codec="opus", rate=48_000)
    for number in range(60):
        world.write(number * 0.02)
    assert world.ended == ["part_1"]


def test_what_is_pending_counts_to_the_size_of_a_part(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(size=1000))
    world.write(0.0, key=True)
    while not world.file.wants_keyframe:
        world.write(0.1)
    assert world.file._pending
    world.write(1.0, key=True)
    [ended] = [size for name, size in world.on_disk().items() if name in world.ended]
    assert 1000 <= ended < 1200


def test_a_file_that_somebody_deletes_is_followed_by_another(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(0.0, key=True)
    (tmp_path / "part_1").unlink()
    world.file.flush()
    assert world.file.wants_keyframe
    world.write(0.1, key=True)
    assert list(world.on_disk()) == ["part_1"]


def test_its_end_writes_what_is_pending_and_tells_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.file.close()
    assert not world.ended
    world.write(0.0, key=True)
    before = world.on_disk()["part_1"]
    world.write(0.1)
    for _ in range(2):
        world.file.close()
    assert world.ended == ["part_1"]
    assert world.on_disk()["part_1"] > before + 100


def test_a_disk_that_fails_at_the_end_loses_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    world.write(0.0, key=True)
    world.write(0.1)

    def fails(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PartFile, "write", fails)
    with pytest.raises(OSError, match="No space"):
        world.file.close()
    assert world.ended == ["part_1"]
    monkeypatch.undo()
    world.write(0.2, key=True)  # what was pending is not in the next file
    assert world.on_disk()["part_2"] == world.on_disk()["part_1"]
