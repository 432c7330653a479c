"""What the strangers attack, and how they reach it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import httpx

ROOM = "studio"  # where the honest publisher is
PROXY = "127.0.0.67"  # an address that control trusts
STRANGER = "127.0.0.66"  # the address from which they come; honest clients have another


@dataclass(frozen=True, slots=True)
class Target:
    """URLs of one control process and one worker. `done` counts what the strangers did, by name."""

    control: str
    worker: str
    record: str  # path of a long recording
    viewers: tuple[tuple[str, int], ...]  # UDP addresses of honest viewers
    done: Counter[str]

    @contextlib.asynccontextmanager
    async def connection(
        self, url: str, buffer: int = 65536
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A raw connection to the server of `url`; `buffer` bounds what its reader holds, bytes."""
        host, _, port = url.removeprefix("http://").partition(":")
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(
                host, int(port), local_addr=(STRANGER, 0), limit=buffer
            )
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    def client(self, connections: int = 10, address: str = STRANGER) -> httpx.AsyncClient:
        """An HTTP client that comes from the strangers' address, or from another one."""
        transport = httpx.AsyncHTTPTransport(
            local_address=address, limits=httpx.Limits(max_connections=connections)
        )
        return httpx.AsyncClient(transport=transport, base_url=self.control, timeout=10)

    def headers(self, url: str, method: str, path: str, fields: Iterable[str] = ()) -> bytes:
        """The head of a request, without its last empty line."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {url.removeprefix('http://')}", *fields]
        return "".join(f"{line}\r\n" for line in lines).encode()
