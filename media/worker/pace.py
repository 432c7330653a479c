"""Bounds how much of the process its HTTP takes from media, however often it is asked.

Threads take turns at the interpreter: what the HTTP thread computes, the media loop waits for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

REQUEST_SECONDS = 0.002  # between two requests; one takes some 0.2 ms
CALL_SECONDS = (0.05, 2.0)  # between two calls, at least and at most
CALL_SHARE = 20  # and between those, as many times as long as the call itself took

T = TypeVar("T")


class SharedCall(Generic[T]):
    """One call for all who wait for it. It begins after they have asked: nobody gets an old result."""

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[T] | None = None
        self._not_before = 0.0

    async def result(self) -> T:
        if self._next is None:
            self._next = asyncio.create_task(self._in_turn())
        return await asyncio.shield(self._next)

    async def _in_turn(self) -> T:
        async with self._turn:
            await asyncio.sleep(self._not_before - monotonic())
            self._next = None  # who asks from now on needs the call after this one
            began = monotonic()
            try:
                return await self._call()
            finally:
                ended = monotonic()
                shortest, longest = CALL_SECONDS
                self._not_before = ended + min(max(shortest, CALL_SHARE * (ended - began)), longest)


class Paced:
    """Middleware that lets requests in one after the other. As many wait as there are connections."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turn = asyncio.Lock()
        self._not_before = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._turn:
            await asyncio.sleep(self._not_before - monotonic())
            self._not_before = monotonic() + REQUEST_SECONDS
        await self._app(scope, receive, send)
