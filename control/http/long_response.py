"""Responses that last as long as their reader likes: what each holds is released, whatever the reader does.

A reader may go before the first byte, or stop reading without going.
"""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable

from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STALL_SECONDS = 20.0  # a reader must make room for the next bytes within this time

_EVENTS = "text/event-stream"
_EVENT_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx must not buffer it


class Reader:
    """The reader of one response, as far as it takes what it is sent."""

    def __init__(self) -> None:
        self._waits_since: float | None = None
        self._is_given_up = False
        self._limit: asyncio.Timeout | None = None  # of the send that waits

    def stalled_for(self, now: float) -> float:
        """Seconds for which the reader has let a send wait; `now` is the loop's time."""
        return 0.0 if self._waits_since is None else now - self._waits_since

    def give_up(self) -> None:
        """End the response if the reader lets a send wait, now or later."""
        self._is_given_up = True
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def send(self, send: Send, message: Message) -> None:
        """Send it.

        Raises `ClientDisconnect` when the reader takes nothing for `STALL_SECONDS`; now if it is given up.
        """
        self._waits_since = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(0 if self._is_given_up else STALL_SECONDS) as self._limit:
                await send(message)
        except TimeoutError:
            raise ClientDisconnect from None
        finally:
            self._waits_since = self._limit = None


class LongResponse:
    """Sends `response`, then calls `release`: at its end, or when its reader goes or stalls."""

    def __init__(
        self, response: ASGIApp, release: Callable[[], Awaitable[None]], reader: Reader | None = None
    ) -> None:
        self._response = response
        self._release = release
        self._reader = reader or Reader()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def limited(message: Message) -> None:
            await self._reader.send(send, message)

        try:
            await self._response(scope, receive, limited)
        finally:
            await self._release()


def event_head() -> Response:
    """The answer to HEAD of an event stream. Nothing is opened for it: a stream might have to give way."""
    return Response(headers=_EVENT_HEADERS, media_type=_EVENTS)


def event_response(
    text: AsyncIterable[str | bytes], reader: Reader, close: Callable[[], None]
) -> LongResponse:
    """An event stream (HTML 9.2): sends its text, then calls `close`, however its reader leaves."""

    async def release() -> None:
        close()

    response = StreamingResponse(text, headers=_EVENT_HEADERS, media_type=_EVENTS)
    return LongResponse(response, release, reader)
