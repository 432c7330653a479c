"""However many ask, the work is done for them together, with a pause in between."""

import asyncio
from time import monotonic

import pytest
from starlette.types import Receive, Scope, Send

from media.worker.pace import REQUEST_SECONDS, Paced, SharedCall


async def test_who_asks_gets_a_result_that_is_newer_than_the_question() -> None:
    calls = 0
    going_on = asyncio.Event()

    async def call() -> int:
        nonlocal calls
        calls += 1
        mine = calls
        await going_on.wait()
        return mine

    shared = SharedCall(call)
    first = [asyncio.create_task(shared.result()) for _ in range(10)]
    while not calls:
        await asyncio.sleep(0)
    late = [asyncio.create_task(shared.result()) for _ in range(10)]
    await asyncio.sleep(0)
    going_on.set()
    assert await asyncio.gather(*first) == [1] * 10
    assert await asyncio.gather(*late) == [2] * 10


async def test_one_that_fails_fails_for_those_who_asked_only() -> None:
    results = iter([ValueError, None])

    async def call() -> None:
        if error := next(results):
            raise error

    shared = SharedCall(call)
    with pytest.raises(ValueError):
        await shared.result()
    await shared.result()


async def test_a_flood_of_requests_is_let_in_at_a_pace() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    paced = Paced(app)
    began = monotonic()
    await asyncio.gather(*(paced({}, None, None) for _ in range(50)))  # type: ignore[arg-type]
    assert monotonic() - began >= 49 * REQUEST_SECONDS
