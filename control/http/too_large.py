"""413 that its client gets to read."""

import asyncio
from contextlib import suppress

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

LINGER_SECONDS = 1.0
LINGER_BYTES = 8 * 1_048_576


class TooLargeResponse(JSONResponse):
    """Sent at once; then the connection is closed, but not in the middle of the client's sentence.

    A connection that is closed on unread data is reset, and many clients lose the response with it
    (RFC 9112 9.6). So what still comes is thrown away for a moment, not longer: some send for ever.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _discard(receive: Receive) -> None:
    left = LINGER_BYTES
    more = True
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message.get("more_body", False)  # false when the client has gone, too
