"""Strict-Transport-Security on every response, where control itself ends TLS (RFC 6797)."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

YEAR_SECONDS = 31_536_000


class Hsts:
    """Browsers use HTTPS for this host from the first response on. A proxy that ends TLS sends its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Strict-Transport-Security"] = f"max-age={YEAR_SECONDS}"
            await send(message)

        await self._app(scope, receive, send_with_header)
