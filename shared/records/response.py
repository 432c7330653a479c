"""A recording as an HTTP response, of either plane: ranges, HEAD, type, name; also while it grows."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from shared.records.record_name import RecordName

CHUNK_BYTES = 256 * 1024


def record_headers(name: RecordName) -> dict[str, str]:
    """What every response with a recording says."""
    return {
        "Content-Disposition": f'inline; filename="{name.text}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }


def record_response(path: Path, name: RecordName, request: Request) -> Response:
    """The file as long as it is now. Raises `OSError` when it is gone."""
    status = os.stat(path)
    response = FileResponse(
        path, media_type=name.content_type, stat_result=status, headers=record_headers(name)
    )
    if request.method == "HEAD" or "range" in request.headers:
        return response
    # FileResponse would send more than it announced of a file that grows meanwhile
    return StreamingResponse(_content(path, status.st_size), headers=response.headers)


async def _content(path: Path, size: int) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while size and (chunk := await file.read(min(CHUNK_BYTES, size))):
            size -= len(chunk)
            yield chunk
