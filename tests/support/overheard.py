"""What a client and the server say to each other by HTTP, heard on the way: a copier of TCP that listens."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.support.server_end import end_server

LOOPBACK = "127.0.0.1"
_SETUP = re.compile(rb"a=setup:(active|passive)\r\n")


@dataclass
class Exchange:
    """One request and its answer, with their heads. A connection has one after the other."""

    request: bytes = b""
    answer: bytes = b""


class Overheard:
    """`url` is the server's, by way of this."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connections: list[list[Exchange]] = []

    def setup(self, path: str) -> str:
        """The server's DTLS role (`active` or `passive`) in its latest answer to an offer for `path`."""
        for exchanges in reversed(self._connections):
            for at in reversed(range(len(exchanges))):
                if exchanges[at].request.startswith(f"POST {path} ".encode()):
                    # or in the next exchange: FFmpeg first asks whether it may send the body
                    found = (_SETUP.search(exchange.answer) for exchange in exchanges[at : at + 2])
                    return next(match[1].decode() for match in found if match)
        raise AssertionError(f"nobody sent an offer to {path}")

    def connection(self) -> list[Exchange]:
        self._connections.append([])
        return self._connections[-1]


@contextlib.asynccontextmanager
async def overheard(url: str) -> AsyncIterator[Overheard]:
    """Listen to what is said with the server at `url`, until left."""
    server = urlsplit(url)

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchanges = heard.connection()

        async def ask() -> None:
            while data := await reader.read(65536):
                if not exchanges or exchanges[-1].answer:
                    exchanges.append(Exchange())
                exchanges[-1].request += data
                there.write(data)
                await there.drain()

        async def answer() -> None:
            while data := await back.read(65536):
                exchanges[-1].answer += data
                writer.write(data)
                await writer.drain()

        with contextlib.closing(writer), contextlib.suppress(OSError):
            back, there = await asyncio.open_connection(server.hostname, server.port)
            with contextlib.closing(there):
                ways = [asyncio.create_task(ask()), asyncio.create_task(answer())]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)

    async with await asyncio.start_server(enter, LOOPBACK, 0) as listening:
        heard = Overheard(f"http://{LOOPBACK}:{listening.sockets[0].getsockname()[1]}")
        try:
            yield heard
        finally:
            await end_server(listening)
