"""WebDriver BiDi, the remote protocol that Firefox speaks by itself: no driver stands in between."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import websockets

COMMAND_SECONDS = 60.0


class BidiError(Exception):
    """The browser refused a command, or a page's script threw."""


class Bidi:
    """One connection with a browser. `errors` are those of consoles, by browsing context."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.errors: dict[str, list[str]] = {}
        self._socket = socket
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def command(self, method: str, **parameters: Any) -> Any:
        """The command's result. Raises `BidiError` if it is refused, TimeoutError if nothing comes back."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
            async with asyncio.timeout(COMMAND_SECONDS):
                return await waiting
        finally:
            del self._waiting[number]

    async def receive(self) -> None:
        """Take what comes, until the connection ends."""
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self._socket:
                self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "event":
            if message["method"] == "log.entryAdded" and message["params"]["level"] == "error":
                entry = message["params"]
                self.errors.setdefault(entry["source"].get("context", ""), []).append(entry["text"])
            return
        waiting = self._waiting.get(message["id"])
        if waiting is None or waiting.done():
            return
        if message["type"] == "error":
            waiting.set_exception(BidiError(f"{message['error']}: {message['message']}"))
        else:
            waiting.set_result(message["result"])


@contextlib.asynccontextmanager
async def bidi_session(url: str) -> AsyncIterator[tuple[Bidi, str]]:
    """A session with the browser that listens at `url`, and the browser's version; then it is closed."""
    async with websockets.connect(url, max_size=None, ping_interval=None, proxy=None) as socket:
        bidi = Bidi(socket)
        receiving = asyncio.create_task(bidi.receive())
        try:
            made = await bidi.command("session.new", capabilities={})
            await bidi.command("session.subscribe", events=["log.entryAdded"])
            yield bidi, made["capabilities"]["browserVersion"]
            await bidi.command("browser.close")
        finally:
            await socket.close()
            await receiving
