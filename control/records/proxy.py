"""Fetches a recording from a worker or the store, and passes it on to the client."""

import httpx
from starlette.requests import Request
from starlette.responses import Response

from control.http.caller import caller_of
from control.http.long_response import LongResponse
from control.records.transfers import MAX_TRANSFERS, Transfers
from control.records.unavailable import unavailable
from shared.errors import ErrorCode, ServiceError
from shared.records.record_name import RecordName
from shared.records.response import record_headers

# `pool` is the wait for one of the connections, of which there are as many as transfers: a moment, as those
# that have given way close theirs
TIMEOUTS = httpx.Timeout(20, connect=2, pool=1)

_REQUEST_HEADERS = ("range", "if-range")
_RESPONSE_HEADERS = ("content-length", "content-range", "accept-ranges", "etag", "last-modified")
_PASSED_ON = (200, 206, 416)


class RecordProxy:
    """Owns the connections. It follows no redirects: the URLs come from our own workers and store."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_connections=MAX_TRANSFERS, max_keepalive_connections=20)
        self._http = httpx.AsyncClient(timeout=TIMEOUTS, limits=limits, trust_env=False)
        self._transfers = Transfers()

    async def fetch(self, url: str, name: RecordName, request: Request) -> Response:
        """The recording at `url`.

        Raises `NOT_FOUND`, `NO_WORKER` when its server does not answer, or what `Transfers.begin` raises.
        """
        transfer = self._transfers.begin(caller_of(request).network)
        try:
            response = await self._open(url, request)
        except BaseException:
            self._transfers.end(transfer)
            raise

        async def release() -> None:
            self._transfers.end(transfer)
            await response.aclose()

        kept = {key: response.headers[key] for key in _RESPONSE_HEADERS if key in response.headers}
        headers = kept | record_headers(name)
        if request.method == "HEAD":
            await release()
            return Response(status_code=response.status_code, media_type=name.content_type, headers=headers)
        return LongResponse(
            response.aiter_raw(),
            release,
            status_code=response.status_code,
            media_type=name.content_type,
            headers=headers,
            reader=transfer.reader,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def _open(self, url: str, request: Request) -> httpx.Response:
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
        return response
