"""How much room is left where recordings go, as it was a moment ago: a disk that hangs holds up nobody."""

import asyncio
import shutil
from pathlib import Path

from media.recording.disk_threads import DiskThreads

LOOK_SECONDS = 15.0


class DiskSpace:
    """`run` looks until cancelled. `free` and `size` are bytes; None: not known."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = DiskThreads("disk space", 1)
        self.free: int | None = None
        self.size: int | None = None

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        try:
            usage = await self._threads.call(shutil.disk_usage, self._folder)
        except OSError:  # the folder is made with the first recording
            self.free = self.size = None
        else:
            self.free, self.size = usage.free, usage.total
