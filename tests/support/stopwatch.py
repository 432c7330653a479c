"""How long something takes by itself, whatever else its host does meanwhile."""

import asyncio
import time
from types import TracebackType
from typing import Self

_LOOK_SECONDS = 0.01


class Stopwatch:
    """`async with Stopwatch() as watch`; then `watch.seconds` leaves out when this loop stood still.

    Server and client of a test share the loop. It stands still while other processes have the processor.
    """

    seconds = 0.0

    async def __aenter__(self) -> Self:
        self._stood_still = 0.0
        self._watching = asyncio.create_task(self._watch())
        self._began = time.monotonic()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.monotonic() - self._began - self._stood_still
        self._watching.cancel()
        await asyncio.wait([self._watching])

    async def _watch(self) -> None:
        while True:
            due = time.monotonic() + _LOOK_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)
            self._stood_still += max(0.0, time.monotonic() - due)
