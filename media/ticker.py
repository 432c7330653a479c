"""Lets time pass for a worker: behind the datagrams where they come, by a timer where they do not.

A tick of its own wakes a process whose caches are cold by then. docs/performance.md has what that costs.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

TICK_SECONDS = 0.1  # from one tick to the next, at the least ...
LATEST_SECONDS = 0.15  # ... and at the most: thirty pictures a second bring one in between


class Ticker:
    """Calls `tick` with the time, seconds of a steady clock, some times a second from `start` to `stop`."""

    def __init__(self, tick: Callable[[float], None]) -> None:
        self._tick = tick
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to call, from the running loop."""
        self._loop = asyncio.get_running_loop()
        self._wait()

    def stop(self) -> None:
        """No more calls, if there were any."""
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
        self._wait()  # first: what breaks in a tick does not stop the next
        self._tick(now)

    def _wait(self) -> None:
        self._due = monotonic() + TICK_SECONDS
        self._timer = self._loop.call_later(LATEST_SECONDS, self._ring)
