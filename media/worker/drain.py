"""How a worker stops: at once, or drained first.

A draining worker accepts no new sessions. Control reads that in the heartbeat, and asks the viewers to move.
At the deadline the remaining sessions are closed. A drain by a signal ends as soon as no session is left. A
drain by an operator lasts until the deadline, so that it can be cancelled until then.
"""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic, time

from shared.telemetry.logging import get_logger

LOOK_SECONDS = 0.2  # between two checks whether a drain is over

log = get_logger()


class Drain:
    """`over` returns when the worker must stop. `sessions` returns the number of sessions that are left.

    `changed` is called when a drain begins (True) or is cancelled (False): the directory must know.
    `began_at` and `until` are Unix times by `unix_clock`, 0 without a drain.
    """

    def __init__(
        self,
        seconds: float,
        sessions: Callable[[], int],
        changed: Callable[[bool], None],
        unix_clock: Callable[[], float] = time,
    ) -> None:
        self._seconds = seconds
        self._sessions = sessions
        self._changed = changed
        self._unix_clock = unix_clock
        self._deadline: float | None = None  # steady clock
        self._leaving = False  # told by a signal: the wait ends when no session is left
        self._hurry = asyncio.Event()
        self._wake = asyncio.Event()
        self.began_at = 0.0
        self.until = 0.0

    @property
    def is_on(self) -> bool:
        return self._deadline is not None

    @property
    def hurried(self) -> bool:
        """Whether the worker must stop at once, without waiting for anything."""
        return self._hurry.is_set()

    def begin(self) -> None:
        """Drain the worker. A drain that has begun already keeps its deadline."""
        if self._deadline is not None:
            return
        self._deadline = monotonic() + self._seconds
        self.began_at = self._unix_clock()
        self.until = self.began_at + self._seconds
        log.info("drain started", seconds=self._seconds, sessions=self._sessions())
        self._changed(True)
        self._wake.set()

    def cancel(self) -> None:
        """Cancel the drain, unless a signal has told the worker to stop."""
        if self._deadline is None or self._leaving:
            return
        self._deadline, self.began_at, self.until = None, 0.0, 0.0
        log.info("drain cancelled")
        self._changed(False)
        self._wake.set()

    def leave(self) -> None:
        """Drain the worker, then stop. A second call stops it at once."""
        if self._leaving:
            self.hurry()
            return
        self._leaving = True
        self.begin()
        self._wake.set()

    def hurry(self) -> None:
        """Stop at once."""
        self._hurry.set()
        self._wake.set()

    async def over(self) -> None:
        """Wait until the worker must stop."""
        while not self._is_over():
            self._wake.clear()
            try:
                async with asyncio.timeout(LOOK_SECONDS if self.is_on else None):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def unless_hurried(self, work: Coroutine[None, None, None]) -> None:
        """Await `work`; cancel it when the worker must stop at once. Logs what `work` raises."""
        working, hurry = asyncio.ensure_future(work), asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait({working, hurry}, return_when=asyncio.FIRST_COMPLETED)
        for task in (working, hurry):
            task.cancel()
        fault, _ = await asyncio.gather(working, hurry, return_exceptions=True)
        if isinstance(fault, Exception):
            log.error("unexpected error while the worker stops", exc_info=fault)

    def _is_over(self) -> bool:
        if self.hurried:
            return True
        if self._deadline is None:
            return False
        return monotonic() >= self._deadline or (self._leaving and not self._sessions())
