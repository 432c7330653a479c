"""How a worker leaves: at once, or emptied first.

Emptied: nobody new is taken, viewers are asked to move (by control, which reads the heartbeat), and at the
deadline whoever is left is ended. After a signal the wait ends as soon as nobody is left. An operator's drain
lasts until the deadline, so that it can be taken back until then.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from time import monotonic

from shared.logging import get_logger

LOOK_SECONDS = 0.2

log = get_logger()


class Drain:
    """`over` returns when the worker is to stop. `sessions` counts those that are left.

    `changed` is called when the state changes: the directory must know. Times that others see are Unix times.
    """

    def __init__(self, seconds: float, sessions: Callable[[], int], changed: Callable[[bool], None]) -> None:
        self._seconds = seconds
        self._sessions = sessions
        self._changed = changed
        self._deadline: float | None = None  # steady clock
        self._leaving = False  # told by a signal: the wait ends when nobody is left
        self._hurry = asyncio.Event()
        self._wake = asyncio.Event()
        self.began_at = 0.0
        self.until = 0.0

    @property
    def is_on(self) -> bool:
        return self._deadline is not None

    @property
    def hurried(self) -> bool:
        """Whether the worker is to stop at once, without waiting for anything."""
        return self._hurry.is_set()

    def begin(self) -> None:
        """Empty the worker. One that is being emptied already keeps its deadline."""
        if self._deadline is not None:
            return
        self._deadline = monotonic() + self._seconds
        self.began_at = time.time()
        self.until = self.began_at + self._seconds
        log.info("worker drains", seconds=self._seconds, sessions=self._sessions())
        self._changed(True)
        self._wake.set()

    def cancel(self) -> None:
        """Take it back, unless a signal has told the worker to leave."""
        if self._deadline is None or self._leaving:
            return
        self._deadline, self.began_at, self.until = None, 0.0, 0.0
        log.info("worker drains no longer")
        self._changed(False)
        self._wake.set()

    def leave(self) -> None:
        """Empty the worker, then stop; said twice: stop at once."""
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
        """Wait until the worker is to stop."""
        while not self._is_over():
            self._wake.clear()
            try:
                async with asyncio.timeout(LOOK_SECONDS if self.is_on else None):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def unless_hurried(self, work: Coroutine[None, None, None]) -> None:
        """Await `work`, and give it up when the worker is to stop at once. A fault in it does not keep it."""
        working, hurry = asyncio.ensure_future(work), asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait({working, hurry}, return_when=asyncio.FIRST_COMPLETED)
        for task in (working, hurry):
            task.cancel()
        fault, _ = await asyncio.gather(working, hurry, return_exceptions=True)
        if isinstance(fault, Exception):
            log.error("what a stopping worker had to do broke", exc_info=fault)

    def _is_over(self) -> bool:
        if self.hurried:
            return True
        if self._deadline is None:
            return False
        return monotonic() >= self._deadline or (self._leaving and not self._sessions())
