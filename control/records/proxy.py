"""Fetches a recording from a worker or the store, and passes it on to the client."""

from collections.abc import AsyncIterator

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from control.records.unavailable import unavailable
from shared.errors import ErrorCode, ServiceError
from shared.records.record_name import RecordName
from shared.records.response import record_headers

_REQUEST_HEADERS = ("range", "if-range")
_RESPONSE_HEADERS = ("content-length", "content-range", "accept-ranges", "etag", "last-modified")
_PASSED_ON = (200, 206, 416)


class RecordProxy:
    """Owns the connections. It follows no redirects: the URLs come from our own workers and store."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(20, connect=2), trust_env=False)

    async def fetch(self, url: str, name: RecordName, request: Request) -> Response:
        """The recording at `url`; raises `NOT_FOUND`, or `NO_WORKER` when its server does not answer."""
        headers = {key: request.headers[key] for key in _REQUEST_HEADERS if key in request.headers}
        headers["accept-encoding"] = "identity"
        try:
            response = await self._http.send(
                self._http.build_request(request.method, url, headers=headers), stream=True
            )
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise unavailable(type(error).__name__) from None
        if response.status_code not in _PASSED_ON:
            await response.aclose()
            raise ServiceError(ErrorCode.NOT_FOUND)
        kept = {key: response.headers[key] for key in _RESPONSE_HEADERS if key in response.headers}
        if request.method == "HEAD":
            await response.aclose()
            return Response(
                status_code=response.status_code,
                media_type=name.content_type,
                headers=kept | record_headers(name),
            )
        return StreamingResponse(
            _body(response),
            status_code=response.status_code,
            media_type=name.content_type,
            headers=kept | record_headers(name),
        )

    async def close(self) -> None:
        await self._http.aclose()


async def _body(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    finally:
        await response.aclose()
