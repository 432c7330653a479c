"""Fetches a recording from a worker or the store, and passes it on to the client."""

import ssl
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp

from control.http.long_response import LongResponse
from control.records.catalogue import unavailable
from control.records.transfers import MAX_TRANSFERS
from shared.errors import ErrorCode, ServiceError
from shared.http.no_cookies import NO_COOKIES
from shared.records.record_name import RecordName
from shared.records.response import is_of_present_file, record_headers, wanted_range
from shared.telemetry.failure import in_words

# `pool` is the wait for one of the connections, of which there are as many as transfers: a moment, as those
# that have given way close theirs
TIMEOUTS = httpx.Timeout(20, connect=2, pool=1)

_RESPONSE_HEADERS = ("content-length", "content-range", "accept-ranges", "etag", "last-modified")
_PASSED_ON = (200, 206, 416)


class RecordProxy:
    """Owns the connections. It follows no redirects: the URLs come from our own workers and store."""

    def __init__(self, *, has_store: bool) -> None:
        limits = httpx.Limits(max_connections=MAX_TRANSFERS, max_keepalive_connections=20)
        # workers speak HTTP: without a store nobody needs authorities, which take 3 MB
        verify = ssl.create_default_context() if has_store else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(
            timeout=TIMEOUTS, limits=limits, trust_env=False, verify=verify, cookies=NO_COOKIES
        )

    async def fetch(self, url: str, name: RecordName, request: Request) -> ASGIApp:
        """The recording at `url`. Raises `NOT_FOUND`, or `NO_WORKER` when its server cannot give it."""
        response = await self._open(url, request, wanted_range(request))
        is_beyond = response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE
        is_part = response.status_code == httpx.codes.PARTIAL_CONTENT
        if is_beyond or (is_part and not is_of_present_file(request, response.headers)):
            # Stores ignore If-Range: the client would join parts of two files. And their 416 says neither of
            # which file it is, nor the size.
            await response.aclose()
            response = await self._open(url, request, None)
            if is_beyond and is_of_present_file(request, response.headers):
                await response.aclose()
                size = response.headers.get("content-length")
                told = {"Content-Range": f"bytes */{size}"} if size else None
                return Response(status_code=416, headers=told)
        kept = {key: response.headers[key] for key in _RESPONSE_HEADERS if key in response.headers}
        how: dict[str, Any] = {
            "status_code": response.status_code,
            "media_type": name.content_type,
            "headers": kept | record_headers(name),
        }
        if request.method == "HEAD":
            await response.aclose()
            return Response(**how)
        return LongResponse(StreamingResponse(response.aiter_raw(), **how), response.aclose)

    async def close(self) -> None:
        await self._http.aclose()

    async def _open(self, url: str, request: Request, part: str | None) -> httpx.Response:
        response = await self._send(url, request, part)
        if response.status_code not in _PASSED_ON:
            await response.aclose()
            if response.status_code == httpx.codes.NOT_FOUND:
                raise ServiceError(ErrorCode.NOT_FOUND)
            # somebody has just said that it is there
            raise unavailable(f"its server answers {response.status_code}")
        return response

    async def _send(self, url: str, request: Request, part: str | None) -> httpx.Response:
        headers = httpx.Headers({"accept-encoding": "identity"}, encoding="latin-1")  # as they come
        if part is not None:
            headers["range"] = part
        if part is not None and "if-range" in request.headers:
            headers["if-range"] = request.headers["if-range"]
        try:
            return await self._http.send(
                self._http.build_request(request.method, url, headers=headers), stream=True
            )
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise unavailable(in_words(error)) from None
