"""Lets time pass for a worker: behind the datagrams where they come, by a timer where they do not.

A tick of its own wakes a process whose caches are cold by then. docs/performance.md has what that costs.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

TICK_SECONDS = 0.1  # from one tick to the next, at the least ...
LATEST_SECONDS = 0.15  # ... and at the most: thirty pictures a second bring one in between


class Ticker:
    """Calls `tick` with the time, seconds of a steady clock, some times a second while it runs."""

    def __init__(self, tick: Callable[[float], None]) -> None:
        self._tick = tick
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None  # while it runs

    async def run(self) -> None:
        """Call until cancelled. Raises what a tick raises: a worker whose ticks break must not live on."""
        self._loop = asyncio.get_running_loop()
        self._broken: asyncio.Future[None] = self._loop.create_future()
        self._wait(monotonic())
        try:
            await self._broken
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def ride(self) -> None:
        """Tick now if it is time to: the process is awake."""
        if self._timer is not None and (now := monotonic()) >= self._due:
            self._timer.cancel()
            self._pass(now)

    def _ring(self) -> None:
        self._pass(monotonic())

    def _pass(self, now: float) -> None:
        try:
            self._tick(now)
        except Exception as fault:
            self._timer = None
            self._broken.set_exception(fault)
        else:
            self._wait(now)

    def _wait(self, now: float) -> None:
        self._due = now + TICK_SECONDS
        self._timer = self._loop.call_later(LATEST_SECONDS, self._ring)
