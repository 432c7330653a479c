"""A worker's tick: right after a batch of datagrams if one arrives in time, otherwise by a timer.

A timer wakes a process whose caches are cold by then: docs/decisions/0042-what-was-measured-and-not-taken.md.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from shared.beat import BEAT_SECONDS, until_beat

TICK_SECONDS = 0.1  # from one tick to the next, at least ...
LATEST_SECONDS = 0.15  # ... and at most: at 30 pictures a second, a batch arrives in between
RESTING_SECONDS = BEAT_SECONDS  # and while there is nothing that a tick is for


class Ticker:
    """Calls `tick` with the time, in seconds of a steady clock, several times a second while it runs.

    While a tick returns False, for there is nothing to do, the next one comes with the process' next beat.
    """

    def __init__(self, tick: Callable[[float], bool]) -> None:
        self._tick = tick
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None  # while it runs

    async def run(self) -> None:
        """Tick until cancelled. Raises what a tick raises: a worker whose ticks fail must not continue."""
        self._loop = asyncio.get_running_loop()
        self._broken: asyncio.Future[None] = self._loop.create_future()
        self._wait(monotonic(), LATEST_SECONDS)
        try:
            await self._broken
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def ride(self) -> None:
        """Tick now if a tick is due: the process is awake anyway."""
        if self._timer is not None and (now := monotonic()) >= self._due:
            self._timer.cancel()
            self._pass(now)

    def _ring(self) -> None:
        self._pass(monotonic())

    def _pass(self, now: float) -> None:
        try:
            is_busy = self._tick(now)
        except Exception as fault:
            self._timer = None
            self._broken.set_exception(fault)
        else:
            self._wait(now, LATEST_SECONDS if is_busy else until_beat(now, RESTING_SECONDS))

    def _wait(self, now: float, seconds: float) -> None:
        self._due = now + TICK_SECONDS
        self._timer = self._loop.call_later(seconds, self._ring)
