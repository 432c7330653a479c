"""What comes over an event stream, as an `EventSource` would get it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.support.meanwhile import meanwhile
from tests.support.waiting import eventually

IN_TIME = 10.0


class Heard:
    """What an `EventSource` would have got: `(event, data)` in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.ended = False

    async def listen(self, response: httpx.Response) -> None:
        name = ""
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                self.events.append((name, json.loads(line.removeprefix("data: "))))
        self.ended = True

    async def hears(self, *events: tuple[str, object]) -> None:
        """Wait until those are the last events."""
        await eventually(
            f"events end in {events}", lambda: self.events[-len(events) :] == list(events), IN_TIME
        )


@asynccontextmanager
async def listening(http: httpx.AsyncClient, url: str) -> AsyncIterator[Heard]:
    heard = Heard()
    async with http.stream("GET", url) as response:
        assert response.status_code == 200
        async with meanwhile(heard.listen(response)):
            yield heard
