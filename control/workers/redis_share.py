"""What one request, and one client, may have of Redis, so that others get theirs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from weakref import WeakValueDictionary

from shared.bus.fair_timeout import fair_timeout

REQUEST_SECONDS = 1.6  # a request may wait for Redis this long in all: its answer is due after 2 s
# So many requests of one client use Redis at once, and more wait: a flood of one client holds up others by
# the time of so many calls, and no longer.
AT_ONCE_OF_CLIENT = 64


@dataclass(slots=True)
class _Share:
    """What is left of a request's time, and the turns of its client."""

    left: float
    turns: asyncio.Semaphore
    in_use: bool = False  # a block that contains others has taken the turn


_share: ContextVar[_Share | None] = ContextVar("share", default=None)


class Shares:
    """The shares of all clients of one app, in one event loop."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()  # while they ask

    @contextmanager
    def one_request(self, client: str) -> Iterator[None]:
        """All that waits for Redis in this block shares `REQUEST_SECONDS`, and the turns of `client`."""
        turns = self._turns.get(client)
        if turns is None:
            turns = self._turns[client] = asyncio.Semaphore(AT_ONCE_OF_CLIENT)
        token = _share.set(_Share(REQUEST_SECONDS, turns))
        try:
            yield
        finally:
            _share.reset(token)


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Bound what needs Redis, also by what is left of the request's time. Raises `TimeoutError`."""
    share = _share.get()
    if share is None or share.in_use:
        async with fair_timeout(seconds):
            yield
        return
    began, share.in_use = monotonic(), True
    try:
        async with fair_timeout(min(seconds, share.left)), share.turns:
            yield
    finally:
        share.left -= monotonic() - began
        share.in_use = False
