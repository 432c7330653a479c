"""An HTTP server with a JWK set, which can change, hang and die."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.support.server_end import end_server


class JwksServer:
    """Answers with `body` and `head`, or not at all while it `hangs`. `asked` counts requests."""

    def __init__(self) -> None:
        self.body = b"{}"
        self.head = "HTTP/1.1 200 OK"
        self.hangs = False
        self.asked = 0
        self._port = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/keys"

    async def start(self) -> None:
        """Also again, at the same address."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def die(self) -> None:
        if self._server:
            await end_server(self._server)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            if self.hangs:
                await reader.read()  # until the client gives up
            else:
                writer.write(f"{self.head}\r\nContent-Length: {len(self.body)}\r\n\r\n".encode() + self.body)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def jwks_server(body: bytes) -> AsyncIterator[JwksServer]:
    server = JwksServer()
    server.body = body
    await server.start()
    try:
        yield server
    finally:
        await server.die()
