"""A look at a list ends right before its process beats: a Redis at rest notices it when it is asked then."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shared.bus.line import Command, send
from shared.rpc import list_reader
from shared.rpc.list_reader import BLOCK_SECONDS, EARLY_SECONDS, ListReader

IN_TIME = 5.0
LEFT_SECONDS = 0.25  # until the beat


async def test_a_look_ends_right_before_a_beat(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Command] = []

    async def noted(connection: Any, commands: Sequence[Command]) -> None:
        asked.extend(commands)
        await send(connection, commands)

    monkeypatch.setattr(list_reader, "send", noted)
    monkeypatch.setattr(
        list_reader, "until_beat", lambda _, seconds: LEFT_SECONDS if seconds == BLOCK_SECONDS else None
    )
    reader = ListReader(redis_url, "none")
    async with asyncio.timeout(IN_TIME):
        assert await reader.pop() is None
    assert asked == [("BLPOP", "none", LEFT_SECONDS - EARLY_SECONDS)]
    await reader.close()
