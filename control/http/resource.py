"""One HTTP resource: its handlers by method, its OPTIONS, and 405 with `Allow` for the rest."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

Handler = Callable[[Request], Awaitable[ASGIApp]]  # a `Response` is one


class Resource:
    """The ASGI endpoint of a route; `options` are additional headers of its OPTIONS response."""

    def __init__(self, handlers: Mapping[str, Handler], options: Mapping[str, str] | None = None) -> None:
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers.setdefault("HEAD", handlers["GET"])
        self._handlers["OPTIONS"] = self._answer_options
        self._options = {"Allow": ", ".join(self._handlers), **(options or {})}

    @property
    def methods(self) -> frozenset[str]:
        return frozenset(self._handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get(scope["method"])
        if handler is None:
            raise HTTPException(405, headers={"Allow": self._options["Allow"]})
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer_options(self, _: Request) -> Response:
        return Response(headers=self._options)
