"""An answer waits for the end of its request, also where nobody reads the body, as where it is refused.

Proxies that are written in Go (Caddy, Traefik) stop to pass a request on when its answer begins, and may then
lose the rest of the answer: a client would not read why it was refused.
"""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 1.0  # who has not ended its request by then is answered anyway


class WholeRequests:
    """Middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _brings_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        has_more = True

        async def received() -> Message:
            nonlocal has_more
            message = await receive()
            has_more = message.get("more_body", False)
            return message

        async def behind_the_request(message: Message) -> None:
            if message["type"] == "http.response.start":
                with suppress(TimeoutError):
                    async with asyncio.timeout(SECONDS):
                        while has_more:
                            await received()
            await send(message)

        await self._app(scope, received, behind_the_request)


def _brings_body(headers: Headers) -> bool:
    """Who waits for leave to send it (`Expect: 100-continue`) does not, if it is not asked for."""
    has_one = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return has_one and "expect" not in headers
