"""A limit for the time that others take to answer. The time that this process itself lost does not count.

After a pause of the event loop (a long computation, no turn at the CPU) the answer and the end of
`asyncio.timeout` are both due, and the timeout would win: others would look dead because we were.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LATE_SECONDS = 0.05  # by which the end of a limit may come too late in a loop that is well


@asynccontextmanager
async def fair_timeout(seconds: float) -> AsyncIterator[None]:
    """Raises `TimeoutError` after `seconds`, or as much later as the loop noticed that too late."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    async with asyncio.timeout(None) as limit:

        def is_due() -> None:
            now = loop.time()
            late = now - end
            # even in time: an answer that has arrived is taken first
            limit.reschedule(now + (min(late, seconds) if late > LATE_SECONDS else 0.0))

        timer = loop.call_at(end, is_due)
        try:
            yield
        finally:
            timer.cancel()
