"""A recording as an HTTP response of either plane, with ranges and HEAD, also while the file grows."""

import os
import re
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.records.record_name import RecordName

CHUNK_BYTES = 64 * 1024  # that a reader who stalls has in memory, three times at most

# one range of bytes (RFC 9110 14.1.2); no number of 64 bits has more than 20 digits
_RANGE = re.compile(r"bytes=([0-9]{1,20})?-([0-9]{1,20})?", re.IGNORECASE)


def wanted_range(request: Request) -> str | None:
    """The `Range` of a GET, if it is one well-formed range of bytes.

    Others are ignored (RFC 9110 14.2), several ranges, too: no player asks for those.
    """
    ranges = request.headers.getlist("range")
    match = _RANGE.fullmatch(ranges[0]) if len(ranges) == 1 and request.method == "GET" else None
    if match is None or not any(match.groups()) or (all(match.groups()) and int(match[1]) > int(match[2])):
        return None
    return ranges[0]


def is_of_present_file(request: Request, file: Mapping[str, str]) -> bool:
    """Whether a range of the file with these headers is what `If-Range` allows (RFC 9110 13.1.5)."""
    if_range = request.headers.get("if-range")
    return if_range is None or if_range in (file.get("etag"), file.get("last-modified"))


def record_headers(name: RecordName) -> dict[str, str]:
    """The headers of every response with a recording."""
    return {
        "Content-Disposition": f'inline; filename="{name.text}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }


def record_response(path: Path, name: RecordName, request: Request) -> Response:
    """The file with its present length. Raises `OSError` when it is gone."""
    status = os.stat(path)
    response = FileResponse(
        path, media_type=name.content_type, stat_result=status, headers=record_headers(name)
    )
    if request.method == "HEAD":
        return Response(headers=response.headers)
    if wanted_range(request) and is_of_present_file(request, response.headers):
        return response
    # of a file that grows meanwhile, FileResponse would send more than it announced
    return _Content(_content(path, status.st_size), headers=response.headers)


class _Content(StreamingResponse):
    """Closes the file when the reader goes; Starlette's would leave that to the garbage collector."""

    def __init__(self, body: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> None:
        super().__init__(body, headers=headers)
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._body.aclose()


async def _content(path: Path, size: int) -> AsyncGenerator[bytes, None]:
    async with await anyio.open_file(path, "rb") as file:
        while size and (chunk := await file.read(min(CHUNK_BYTES, size))):
            size -= len(chunk)
            yield chunk
