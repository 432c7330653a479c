"""The response of an event stream (HTML 9.2)."""

from collections.abc import AsyncIterable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp

from control.http.long_response import LongResponse

_MEDIA_TYPE = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx must not buffer it


def event_response(
    request: Request, text: Callable[[], AsyncIterable[str | bytes]], close: Callable[[], None]
) -> ASGIApp:
    """Sends `text`, then calls `close`, however its reader leaves. HEAD is answered without a stream."""
    if request.method == "HEAD":
        close()
        return Response(headers=_HEADERS, media_type=_MEDIA_TYPE)

    async def release() -> None:
        close()

    return LongResponse(StreamingResponse(text(), headers=_HEADERS, media_type=_MEDIA_TYPE), release)
