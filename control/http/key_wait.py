"""A request whose JWT names a key that is not known yet waits until the key set was fetched again.

So the check itself does no I/O, and the first token of a new key is good at once.
"""

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from control.access.auth import credential

if TYPE_CHECKING:
    from control.access.key_set import KeySet


class KeyWait:
    """Middleware. Other requests pass without waiting."""

    def __init__(self, app: ASGIApp, key_set: "KeySet") -> None:
        self._app = app
        self._key_set = key_set

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            token = credential(Headers(scope=scope))
            if token is not None:
                await self._key_set.prepare(token)
        await self._app(scope, receive, send)
