"""A receiver of webhooks: an HTTP server that verifies them with the library of Standard Webhooks.

It fails as often as a test wants, hangs, and dies at any moment: what it had not answered did not arrive.
"""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from standardwebhooks import Webhook

from tests.support.endpoint import Endpoint, headers_of

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


class WebhookReceiver(Endpoint):
    """`fails` is the share of requests that get 500, `answer` the status line of the others."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = 0.0
        self.answer = "200 OK"
        self.arrived: list[Arrived] = []
        self.most_busy_of_room = 0
        self.hangs_for: set[str] = set()  # rooms whose webhooks get no answer
        self.refuses: set[str] = set()  # rooms whose webhooks get 500
        self._luck = random.Random(17)
        self._busy_rooms: defaultdict[str, int] = defaultdict(int)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def of_room(self, room: str) -> list[Arrived]:
        return [one for one in self.arrived if one.room == room]

    def types(self, room: str) -> list[str]:
        """Of a room's events, each once, in the order of their arrival."""
        return list({one.id: one.type for one in self.of_room(room)}.values())

    async def respond(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        headers = headers_of(head)
        assert "transfer-encoding" not in headers
        body = await reader.readexactly(int(headers["content-length"]))
        status = await self._take(head.decode().split(" ")[1], headers, body)
        return f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode()

    async def _take(self, path: str, headers: dict[str, str], body: bytes) -> str:
        event = Webhook(SECRET).verify(body.decode(), headers)  # raises when it is forged
        one = Arrived(headers["webhook-id"], event, path)
        self._busy_rooms[one.room] += 1
        self.most_busy_of_room = max(self.most_busy_of_room, self._busy_rooms[one.room])
        try:
            if one.room in self.hangs_for:
                await asyncio.Event().wait()
            await asyncio.sleep(0)  # others of the room would come in between
            if one.room in self.refuses or self._luck.random() < self.fails:
                return "500 Internal Server Error"
            if self.answer.startswith("2"):
                self.arrived.append(one)
            return self.answer
        finally:
            self._busy_rooms[one.room] -= 1
