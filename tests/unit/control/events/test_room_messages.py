"""Which messages a look at Redis asks for."""

import asyncio
from typing import Any, cast

import pytest

from control.events.room_messages import RECENT_MS, RoomMessages
from shared.names import RoomName


class Clock:
    seconds = 100.0

    def now(self) -> float:
        return self.seconds


class Stream:
    """Of Redis: it gives what it holds, once, and notes after which id that was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.held: list[tuple[bytes, dict[bytes, bytes]]] = []
        self.newest: list[tuple[bytes, dict[bytes, bytes]]] = []

    async def xrevrange(self, _: str, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        return self.newest

    async def xrange(self, _: str, after: str, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        self.asked.append(after)
        held, self.held = self.held, []
        return held


def entry(name: bytes, text: bytes = b"{}") -> tuple[bytes, dict[bytes, bytes]]:
    return name, {b"room": b"demo", b"text": text}


@pytest.fixture
def stream() -> Stream:
    return Stream()


async def test_each_look_goes_on_where_the_last_one_ended(stream: Stream) -> None:
    shown: list[tuple[RoomName, str]] = []
    clock, nothing = Clock(), cast(Any, None)
    messages = RoomMessages(
        cast(Any, stream),
        cast(Any, clock),
        nothing,
        nothing,
        lambda *told: shown.append(told),
        asyncio.Event(),
    )
    stream.held = [entry(b"100500-0", b"1"), entry(b"100500-7", b"2")]
    await messages.look()
    clock.seconds = 101.0
    await messages.look()
    clock.seconds = 50.0  # Redis' clock was set back, of which its ids take no notice ...
    stream.newest = [entry(b"100500-7")]
    await messages.look()
    stream.newest = []  # ... or it is another one now
    await messages.look()
    asked = [f"({100_000 - RECENT_MS}-0", "(100500-7", "(100500-7", f"({50_000 - RECENT_MS}-0"]
    assert stream.asked == asked
    assert shown == [(RoomName("demo"), "1"), (RoomName("demo"), "2")]
