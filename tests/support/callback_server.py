"""A service at `AUTH_URL`: what it was asked, and what it answers; it can hang and die."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from tests.support.server_end import end_server


class CallbackServer:
    """`answer` gives the status for a question. While it `hangs`, nobody gets one."""

    def __init__(self) -> None:
        self.questions: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], str] = lambda _: "200 OK"
        self.hangs = False
        self.port = 0
        self.connections = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/auth?key=hush"

    async def start(self) -> None:
        """Also again, at the same address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def die(self) -> None:
        if self._server:
            await end_server(self._server)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                assert head.startswith("post /auth?key=hush http/1.1\r\n")
                length = int(head.partition("content-length:")[2].split("\r\n")[0])
                question = json.loads(await reader.readexactly(length))
                self.questions.append(question)
                if self.hangs:
                    await reader.read()  # until the client gives up
                    break
                head = f"HTTP/1.1 {self.answer(question)}\r\nContent-Length: 2"
                writer.write(f"{head}\r\n\r\nok".encode())
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def callback_server() -> AsyncIterator[CallbackServer]:
    server = CallbackServer()
    await server.start()
    try:
        yield server
    finally:
        await server.die()
