"""What one request, and one client, may have of Redis, so that others get theirs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
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


class within:  # noqa: N801  # used as a function; a generator would cost as much as the rest
    """Bound what needs Redis, also by what is left of the request's time. Raises `TimeoutError`."""

    __slots__ = ("_began", "_limit", "_seconds", "_share")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._share: _Share | None = None  # that this block uses

    async def __aenter__(self) -> None:
        share = _share.get()
        if share is None or share.in_use:
            self._limit = fair_timeout(self._seconds)
            await self._limit.__aenter__()
            return
        self._began, share.in_use = monotonic(), True
        self._limit = fair_timeout(min(self._seconds, share.left))
        await self._limit.__aenter__()
        try:
            await share.turns.acquire()
        except BaseException as error:
            self._give_back(share)
            await self._limit.__aexit__(type(error), error, error.__traceback__)  # raises if time was over
            raise
        self._share = share

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (share := self._share) is not None:
            share.turns.release()
            self._give_back(share)
        await self._limit.__aexit__(kind, error, trace)

    def _give_back(self, share: _Share) -> None:
        share.left -= monotonic() - self._began
        share.in_use = False
