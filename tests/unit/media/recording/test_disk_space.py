"""How much room is left for recordings."""

import shutil
from pathlib import Path

from media.recording.disk_space import DiskSpace


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
