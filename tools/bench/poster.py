"""POST over kept connections, and how soon the answer begins: the client's own work is not in that."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import h11
import httpx

_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """`seconds` are from the moment before the request was written until the first bytes of the answer."""

    status: int
    headers: Mapping[str, str]  # with names in small letters
    text: str
    seconds: float


class _Connection:
    """One request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)

    async def post(self, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises `h11.RemoteProtocolError` or `OSError` if the server has closed the connection."""
        own = {"Host": url.netloc.decode(), "Content-Length": str(len(body))}
        request = h11.Request(method="POST", target=url.raw_path, headers=list({**own, **headers}.items()))
        parts = [self._http.send(each) for each in (request, h11.Data(body), h11.EndOfMessage())]
        octets = b"".join(part for part in parts if part)
        began = time.monotonic()
        self._writer.write(octets)
        self._http.receive_data(await self._reader.read(_CHUNK))
        seconds = time.monotonic() - began
        response = await self._next()
        assert isinstance(response, h11.Response)
        text = b""
        while isinstance(event := await self._next(), h11.Data):
            text += event.data
        return Answer(
            response.status_code,
            {name.decode(): value.decode() for name, value in response.headers},
            text.decode(),
            seconds,
        )

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_CHUNK))
        return event

    def begin_anew(self) -> bool:
        """Whether it takes another request."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@dataclass(slots=True)
class Poster:
    """All POSTs of a process. `close` ends its connections."""

    _free: dict[str, list[_Connection]] = field(default_factory=dict)  # by origin

    async def post(self, address: str, headers: Mapping[str, str], body: str) -> Answer:
        """Raises `OSError` or `h11.RemoteProtocolError` if no answer comes."""
        url = httpx.URL(address)
        free = self._free.setdefault(f"{url.scheme}://{url.netloc.decode()}", [])
        while free:
            with contextlib.suppress(OSError, h11.RemoteProtocolError):  # the server has closed it meanwhile
                return await self._ask(free.pop(), free, url, headers, body)
        tls = url.scheme == "https"
        streams = await asyncio.open_connection(url.host, url.port or (443 if tls else 80), ssl=tls or None)
        return await self._ask(_Connection(*streams), free, url, headers, body)

    async def _ask(
        self,
        connection: _Connection,
        free: list[_Connection],
        url: httpx.URL,
        headers: Mapping[str, str],
        body: str,
    ) -> Answer:
        keeps = False
        try:
            answer = await connection.post(url, headers, body.encode())
            keeps = connection.begin_anew()
        finally:
            if keeps:
                free.append(connection)
            else:
                await connection.close()
        return answer

    async def close(self) -> None:
        for connection in [each for free in self._free.values() for each in free]:
            await connection.close()
        self._free.clear()
