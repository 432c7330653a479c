"""HTTP requests that cost their sender little: the machine's time is for those who answer."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import httpx

ANSWER_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Reply:
    """`seconds` are from the moment before the request was written until the head of the answer was there."""

    status: int
    headers: Mapping[str, str]  # with names in small letters
    body: bytes
    seconds: float


class Client:
    """One connection to a server, one request at a time."""

    def __init__(self, port: int, host: str = "127.0.0.1", *, tls: bool = False) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def ask(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Raises `OSError` or `EOFError` if no answer comes."""
        if self._writer is not None:
            with contextlib.suppress(OSError, EOFError):  # the server has closed it meanwhile
                return await self._ask(method, target, body, headers or {})
        return await self._ask(method, target, body, headers or {})

    async def _ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                self._host, self._port, ssl=self._tls or None, limit=1 << 24
            )
        lines = {"Host": f"{self._host}:{self._port}"} | ({"Content-Length": str(len(body))} if body else {})
        fields = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **headers}.items())
        began = time.monotonic()
        self._writer.write(f"{method} {target} HTTP/1.1\r\n{fields}\r\n".encode() + body)
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            return await self._reply(self._reader, head, time.monotonic() - began)
        except BaseException:
            self.close()
            raise

    async def _reply(self, reader: asyncio.StreamReader, head: str, seconds: float) -> Reply:
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status, ends = int(first.split()[1]), headers.get("connection") == "close"
        if "chunked" in headers.get("transfer-encoding", ""):
            body = await self._chunks(reader)
        elif ends and "content-length" not in headers:
            body = await reader.read()
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")) if status != 204 else 0)
        if ends:
            self.close()
        return Reply(status, headers, body, seconds)

    async def _chunks(self, reader: asyncio.StreamReader) -> bytes:
        chunks: list[bytes] = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            chunks.append((await reader.readexactly(size + 2))[:-2])
        await reader.readexactly(2)
        return b"".join(chunks)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


@dataclass(slots=True)
class Http:
    """All requests of a process, over as many connections as are busy at once."""

    _free: dict[str, list[Client]] = field(default_factory=dict)  # by origin

    async def ask(self, method: str, address: str, headers: Mapping[str, str], body: str = "") -> Reply:
        """Raises `OSError`, as `TimeoutError` is one, or `EOFError` if no answer comes."""
        url = httpx.URL(address)
        tls = url.scheme == "https"
        free = self._free.setdefault(f"{url.scheme}://{url.netloc.decode()}", [])
        client = free.pop() if free else Client(url.port or (443 if tls else 80), url.host, tls=tls)
        async with asyncio.timeout(ANSWER_SECONDS):
            reply = await client.ask(method, url.raw_path.decode(), body.encode(), headers)
        free.append(client)
        return reply

    def close(self) -> None:
        for free in self._free.values():
            for client in free:
                client.close()
