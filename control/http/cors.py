"""CORS headers on every response, as `openapi.yaml` promises; and no answer of the API is stored.

Session URLs, credentials of TURN and signed links are in answers: whoever keeps those, keeps these.

The answer to a preflight names all methods of its resource: browsers look for them there, and nowhere else.
No page can forge an operator's request so: credentials are in headers, never in cookies.
"""

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SESSION_PATH = re.compile(r"/api/(whip/publish|whep/play)/[^/]+/[^/]+(/events(/[^/]+)?|/layer|/viewing)?")
_METHODS = ("GET", "POST", "OPTIONS")
_REQUEST_HEADERS = "Content-Type, Authorization, X-Auth-Token"
_MAX_AGE = (b"access-control-max-age", b"600")  # seconds for which a browser need not ask again
_NO_STORE = (b"cache-control", b"no-store")
_EXPOSED = "Location, Link, ETag, Retry-After, Accept-Patch, Access-Control-Allow-Methods"


def cors_headers(
    allowed_origin: str, *, session: bool, methods: Iterable[str] = ()
) -> list[tuple[bytes, bytes]]:
    """The CORS headers of a response, as ASGI has them.

    `session`: the request is for a session. `methods` are named beside those that are named everywhere.
    """
    named = dict.fromkeys([*_METHODS, *(("PATCH", "DELETE") if session else ()), *methods])
    headers = {
        "access-control-allow-origin": allowed_origin,
        "access-control-allow-methods": ", ".join(named),
        # ETag: one client sends it instead of If-Match
        "access-control-allow-headers": _REQUEST_HEADERS + (", If-Match, ETag" if session else ""),
        "access-control-expose-headers": _EXPOSED,
    }
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


class Cors:
    """The outermost middleware, so that errors have the headers, too."""

    def __init__(self, app: ASGIApp, allowed_origin: str) -> None:
        self._app = app
        self._allowed_origin = allowed_origin
        self._of_session = cors_headers(allowed_origin, session=True)
        self._of_others = cors_headers(allowed_origin, session=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                is_session = _SESSION_PATH.fullmatch(scope["path"]) is not None
                added = self._of_session if is_session else self._of_others
                headers = [*message.get("headers", ())]
                if scope["method"] == "OPTIONS":
                    methods = _allowed(headers)
                    added = cors_headers(self._allowed_origin, session=is_session, methods=methods)
                    added.append(_MAX_AGE)
                headers += added
                if scope["path"].startswith("/api/") and not any(name == _NO_STORE[0] for name, _ in headers):
                    headers.append(_NO_STORE)
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _allowed(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The methods of the `Allow` header, without HEAD, which needs no preflight."""
    allow = dict(headers).get(b"allow", b"").decode("latin-1")
    return [method for method in allow.split(", ") if method not in ("", "HEAD")]
