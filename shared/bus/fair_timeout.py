"""A limit for the time that others take to answer. The time that this process itself lost does not count.

After a pause of the event loop (a long computation, no turn at the CPU) the answer and the end of
`asyncio.timeout` are both due, and the timeout would win: others would look dead because we were.
"""

import asyncio
from types import TracebackType

LATE_SECONDS = 0.05  # the end of a limit comes at most this late in a loop that is not held up


class fair_timeout:  # noqa: N801  # used as a function; a generator would cost as much as the rest
    """Raises `TimeoutError` after `seconds`, or as much later as the loop noticed that too late."""

    __slots__ = ("_due", "_end", "_limit", "_loop", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def __aenter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = asyncio.timeout(None)
        await self._limit.__aenter__()
        self._end = self._loop.time() + self.seconds
        self._due = self._loop.call_at(self._end, self._is_due)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._due.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def _is_due(self) -> None:
        now = self._loop.time()
        late = now - self._end
        # even in time: an answer that has arrived is taken first
        self._limit.reschedule(now + min(late, self.seconds) if late > LATE_SECONDS else now)
