"""An HTTP server with a JWK set, which can change, hang and die."""

import asyncio

from tests.support.endpoint import Endpoint


class JwksServer(Endpoint):
    """Answers with `head` and `body`."""

    keeps_alive = False

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.head = "HTTP/1.1 200 OK"
        self.body = body

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    async def respond(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        return f"{self.head}\r\nContent-Length: {len(self.body)}\r\n\r\n".encode() + self.body
