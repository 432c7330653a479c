"""What a long response holds is released at its end, whatever its reader does."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message

from control.http import long_response
from control.http.long_response import LongResponse, Reader

SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}}  # as uvicorn's


class Stage:
    """A response and its reader: `taken` are the chunks that it took."""

    def __init__(self) -> None:
        self.released = 0
        self.taken: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.gone = asyncio.Event()
        self.reader = Reader()
        self.response = LongResponse(StreamingResponse(self.endless()), self.release, self.reader)

    async def endless(self) -> AsyncIterator[bytes]:
        while True:
            yield b"chunk"
            await asyncio.sleep(0)

    async def release(self) -> None:
        self.released += 1

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        self.taken.append(message.get("body", b""))
        if len(self.taken) == 5:
            self.reads.clear()

    async def begun(self) -> asyncio.Task[None]:
        """Under way: its reader has taken what it takes."""
        running = asyncio.create_task(self.run())
        while len(self.taken) < 5:
            await asyncio.sleep(0)
        return running

    async def run(self) -> None:
        async with asyncio.timeout(10):
            await self.response(SCOPE, self.receive, self.send)


async def test_a_reader_that_goes_before_the_first_byte_releases_it() -> None:
    stage = Stage()
    stage.gone.set()
    await stage.run()
    assert stage.released == 1


async def test_a_reader_that_goes_releases_it() -> None:
    stage = Stage()
    running = await stage.begun()
    stage.gone.set()
    await running
    assert stage.released == 1


async def test_a_reader_that_takes_nothing_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_response, "STALL_SECONDS", 0.01)
    stage = Stage()
    with pytest.raises(ClientDisconnect):
        await stage.run()
    assert (stage.released, len(stage.taken)) == (1, 5)


async def test_a_stalled_reader_can_be_given_up_before_that() -> None:
    stage = Stage()
    running = await stage.begun()
    await asyncio.sleep(0)
    assert stage.reader.stalled_for(asyncio.get_running_loop().time() + 7) >= 7
    stage.reader.give_up()
    with pytest.raises(ClientDisconnect):
        await running
    assert stage.released == 1


async def test_a_reader_that_was_given_up_ends_it_when_it_stalls() -> None:
    stage = Stage()
    stage.reader.give_up()
    with pytest.raises(ClientDisconnect):
        await stage.run()
    assert (stage.released, len(stage.taken)) == (1, 5)


async def test_a_reader_that_waits_for_the_source_has_not_stalled() -> None:
    reader = Reader()
    assert reader.stalled_for(1e9) == 0.0

    async def send(_: Message) -> None: ...

    await reader.send(send, {"type": "http.response.body"})
    assert reader.stalled_for(1e9) == 0.0
