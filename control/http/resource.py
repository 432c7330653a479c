"""One HTTP resource: its handlers by method, its OPTIONS, and 405 with `Allow` for the rest."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import ErrorCode, ServiceError

Handler = Callable[[Request], Awaitable[ASGIApp]]  # a `Response` is one


class Resource:
    """The ASGI endpoint of a route; `options` are additional headers of its OPTIONS response.

    Other parameters than `lists` are refused when a query has them twice: a proxy may read the first, and we
    the last.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        options: Mapping[str, str] | None = None,
        lists: Collection[str] = (),
    ) -> None:
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers.setdefault("HEAD", handlers["GET"])
        self._handlers["OPTIONS"] = self._answer_options
        self._lists = frozenset(lists)
        self._options = {"Allow": ", ".join(self._handlers), **(options or {})}

    @property
    def methods(self) -> frozenset[str]:
        return frozenset(self._handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get(scope["method"])
        if handler is None:
            raise HTTPException(405, headers={"Allow": self._options["Allow"]})
        if scope["path"].startswith(("/api/", "/records/")):
            self._check_query(scope["query_string"])
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)

    def _check_query(self, query: bytes) -> None:
        """Raises `INVALID_QUERY`."""
        if b"&" not in query:
            return
        names: set[str] = set()
        for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name in names and name not in self._lists:
                raise ServiceError(ErrorCode.INVALID_QUERY, detail=f"{name[:40]} is given twice")
            names.add(name)

    async def _answer_options(self, _: Request) -> Response:
        return Response(headers=self._options)
