"""A receiver of webhooks: an HTTP server that verifies them with the library of Standard Webhooks.

It fails as often as a test wants, hangs, and dies at any moment: what it had not answered did not arrive.
"""

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

from tests.support.server_end import end_connections

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the specification's example


@dataclass
class Arrived:
    """A webhook that was answered with 200."""

    id: str
    event: dict[str, Any]
    path: str

    @property
    def room(self) -> str:
        return str(self.event["data"]["room"])

    @property
    def type(self) -> str:
        return str(self.event["type"])


@dataclass
class WebhookReceiver:
    """`fails` is the share of requests that get 500, `answer` the status line of the others."""

    secret: str = SECRET
    fails: float = 0.0
    answer: str = "200 OK"
    arrived: list[Arrived] = field(default_factory=list)
    asked: int = 0
    busy: int = 0  # requests that are being answered
    most_busy_of_room: int = 0
    hangs_for: set[str] = field(default_factory=set)  # rooms whose webhooks get no answer
    refuses: set[str] = field(default_factory=set)  # rooms whose webhooks get 500
    luck: random.Random = field(default_factory=lambda: random.Random(17))
    _port: int = 0
    _serving: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _busy_rooms: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/hook"

    async def start(self) -> None:
        """Also again, at the same address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def die(self) -> None:
        """Reset all connections."""
        if self._server:
            self._server.close()
            end_connections(self._server, reset=True)
            for serving in self._serving:
                serving.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def of_room(self, room: str) -> list[Arrived]:
        return [one for one in self.arrived if one.room == room]

    def types(self, room: str) -> list[str]:
        """Of a room's events, each once, in the order of their arrival."""
        return list({one.id: one.type for one in self.of_room(room)}.values())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = head.split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                cased = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in lines[1:] if line}
                assert "transfer-encoding" not in headers
                body = await reader.readexactly(int(headers["content-length"]))
                self.asked += 1
                status = await self._take(lines[0].split(" ")[1], cased, body)
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()

    async def _take(self, path: str, headers: dict[str, str], body: bytes) -> str:
        event = Webhook(self.secret).verify(body.decode(), headers)  # raises when it is forged
        one = Arrived(headers["webhook-id"], event, path)
        self._busy_rooms[one.room] += 1
        self.most_busy_of_room = max(self.most_busy_of_room, self._busy_rooms[one.room])
        try:
            if one.room in self.hangs_for:
                await asyncio.Event().wait()
            await asyncio.sleep(0)  # others of the room would come in between
            if one.room in self.refuses or self.luck.random() < self.fails:
                return "500 Internal Server Error"
            if self.answer.startswith("2"):
                self.arrived.append(one)
            return self.answer
        finally:
            self._busy_rooms[one.room] -= 1


@contextlib.asynccontextmanager
async def webhook_receiver() -> AsyncIterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.die()
