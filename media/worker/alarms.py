"""One timer of the event loop for everything that is due between two ticks."""

import asyncio
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Alarms(Generic[Key]):
    """Calls `ring` once for each key that was set, at its time, with the key and the present time.

    Times are seconds of the steady clock. No timer runs while no key is set.
    """

    def __init__(self, ring: Callable[[Key, float], None]) -> None:
        self._ring = ring
        self._due: dict[Key, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, key: Key, at: float) -> None:
        """Ring for `key` at `at`. This replaces a time that was set before."""
        self._due[key] = at
        if self._timer is None or at < self._timer_at:
            self._start(at)

    def _start(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, at - monotonic()), self._wake)
        self._timer_at = at

    def _wake(self) -> None:
        self._timer = None
        now = monotonic()
        for key in [key for key, at in self._due.items() if at <= now]:
            del self._due[key]
            self._ring(key, now)
        if self._due and self._timer is None:
            self._start(min(self._due.values()))
