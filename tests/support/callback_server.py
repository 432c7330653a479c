"""A service at `AUTH_URL`: what it was asked, and what it answers; it can hang and die."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.support.endpoint import Endpoint, headers_of


class CallbackServer(Endpoint):
    """`answer` gives the status for a question."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], str] = lambda _: "200 OK"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/auth?key=hush"

    async def respond(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        assert head.startswith(b"POST /auth?key=hush HTTP/1.1\r\n")
        question = json.loads(await reader.readexactly(int(headers_of(head)["content-length"])))
        self.questions.append(question)
        return f"HTTP/1.1 {self.answer(question)}\r\nContent-Length: 2\r\n\r\nok".encode()
