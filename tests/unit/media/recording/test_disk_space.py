"""How much room is left for recordings."""

import asyncio
import shutil
from pathlib import Path

import pytest

from media.recording import disk_space as module
from media.recording.disk_space import LOOK_SECONDS, DiskSpace


async def test_it_is_what_the_file_system_says(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path)
    assert space.free is None
    await space.look()
    assert space.size == shutil.disk_usage(tmp_path).total
    assert space.free is not None
    assert 0 <= space.free <= space.size


async def test_of_a_folder_that_does_not_exist_nothing_is_known(tmp_path: Path) -> None:
    space = DiskSpace(tmp_path)
    await space.look()
    space._folder = tmp_path / "gone"
    await space.look()
    assert (space.free, space.size) == (None, None)


async def test_it_is_looked_at_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space, pauses = DiskSpace(tmp_path), []

    async def sleep(seconds: float) -> None:
        assert space.free is not None
        space.free = None
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await space.run()
    assert pauses == [LOOK_SECONDS] * 3
