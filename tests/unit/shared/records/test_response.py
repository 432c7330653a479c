"""What a recording's response holds, it gives back when its reader goes."""

import os
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from shared.names import RoomName
from shared.records.record_name import RecordName
from shared.records.response import CHUNK_BYTES, record_response

NAME = RecordName("demo_1710123456.webm", RoomName("demo"), 1_710_123_456)
SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.4"}}


class GoneError(Exception):
    """Of a reader that has gone."""


def is_open(path: Path) -> bool:
    files = Path("/proc/self/fd").iterdir()
    return any(os.readlink(file) == str(path) for file in files if file.is_symlink())


@pytest.mark.parametrize("taken", [0, 2])
async def test_the_file_is_closed_when_the_reader_goes(tmp_path: Path, taken: int) -> None:
    path = tmp_path / NAME.text
    path.write_bytes(bytes(10 * CHUNK_BYTES))
    messages: list[Message] = []

    async def send(message: Message) -> None:
        if len(messages) > taken:
            assert is_open(path)
            raise GoneError
        messages.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is to be received")

    response = record_response(path, NAME, Request(SCOPE))
    with pytest.raises(GoneError) as gone:  # its traceback holds on to what was under way
        await response(SCOPE, receive, send)
    assert not is_open(path)
    del gone
