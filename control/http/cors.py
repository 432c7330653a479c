"""CORS headers, the same on every response, as `openapi.yaml` promises."""

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SESSION_PATH = re.compile(r"/api/(whip/publish|whep/play)/[^/]+/[^/]+(/events(/[^/]+)?|/layer)?")
_METHODS = "GET, POST, OPTIONS"
_REQUEST_HEADERS = "Content-Type, Authorization, X-Auth-Token"
_EXPOSED = "Location, Link, ETag, Retry-After, Accept-Patch, Access-Control-Allow-Methods"


def cors_headers(allowed_origin: str, path: str) -> dict[str, str]:
    """The CORS headers of each response to a request for `path`."""
    session = _SESSION_PATH.fullmatch(path) is not None
    return {
        "Access-Control-Allow-Origin": allowed_origin,
        "Access-Control-Allow-Methods": _METHODS + (", PATCH, DELETE" if session else ""),
        # ETag: one client sends it instead of If-Match
        "Access-Control-Allow-Headers": _REQUEST_HEADERS + (", If-Match, ETag" if session else ""),
        "Access-Control-Expose-Headers": _EXPOSED,
    }


class Cors:
    """The outermost middleware, so that errors have the headers, too."""

    def __init__(self, app: ASGIApp, allowed_origin: str) -> None:
        self._app = app
        self._allowed_origin = allowed_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(cors_headers(self._allowed_origin, scope["path"]))
            await send(message)

        await self._app(scope, receive, send_with_headers)
