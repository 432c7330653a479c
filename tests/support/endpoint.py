"""An HTTP server for one kind of request, which a test lets hang, die, and come back."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from tests.support.server_end import end_server


class Endpoint(ABC):
    """It serves when entered. While it `hangs`, nobody gets an answer.

    `asked` counts requests, and `heads` has what each of them began with.
    """

    keeps_alive = True  # its connections, for further requests

    def __init__(self) -> None:
        self.hangs = False
        self.asked = 0
        self.heads: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def respond(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        """The whole response to the request with this head, whose body is still to be read."""

    async def start(self) -> None:
        """Also again, at the same address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def die(self) -> None:
        """Reset all connections."""
        if self._server:
            await end_server(self._server, reset=True)
            for serving in self._serving:
                serving.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.die()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        self.connections += 1
        # Python 3.11 takes a cancelled one for a fault
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked += 1
                self.heads.append(head)
                response = await self.respond(head, reader)
                if self.hangs:
                    await reader.read()  # until the client gives up
                    break
                writer.write(response)
                await writer.drain()
                if not self.keeps_alive:
                    break
        writer.close()


def headers_of(head: bytes) -> dict[str, str]:
    """By their names in lower case."""
    fields = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
    return {name.lower(): value for name, value in fields}
