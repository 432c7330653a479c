"""A limit for the time that others take to answer. The time that this process itself lost does not count.

After a pause of the event loop (a long computation, no turn at the CPU) the answer and the end of
`asyncio.timeout` are both due, and the timeout would win: others would look dead because we were.
"""

import asyncio
from types import TracebackType
from typing import Self

LATE_SECONDS = 0.05  # the end of a limit comes at most this late in a loop that is not held up


class fair_timeout:  # noqa: N801  # used as a function; a generator would cost as much as the rest
    """Raises `TimeoutError` after `seconds`, or as much later as the loop noticed that too late.

    Otherwise it is like `asyncio.timeout`, at half the cost: each request passes several.
    """

    __slots__ = ("_cancelling", "_end", "_has_expired", "_loop", "_task", "_timer", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def __aenter__(self) -> Self:
        self._loop = loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()  # others may cancel it, too
        self._has_expired = False
        self._end = loop.time() + self.seconds
        self._timer: asyncio.Handle = loop.call_at(self._end, self._is_due)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if not self._has_expired:
            return
        is_ours = self._task.uncancel() <= self._cancelling
        if is_ours and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def extend(self, seconds: float) -> None:
        """Begin anew, with `seconds`, unless the time is over already."""
        if not self._has_expired:
            self._timer.cancel()
            self.seconds = seconds
            self._end = self._loop.time() + seconds
            self._timer = self._loop.call_at(self._end, self._is_due)

    def _is_due(self) -> None:
        now = self._loop.time()
        late = now - self._end
        # even in time: an answer that has arrived is taken first
        grace = min(late, self.seconds) if late > LATE_SECONDS else 0.0
        self._timer = self._loop.call_at(now + grace, self._expire)

    def _expire(self) -> None:
        self._has_expired = True
        self._task.cancel()
