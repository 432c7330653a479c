"""Whoever is late himself gives others more time."""

import asyncio
import time

import pytest

from shared.bus.fair_timeout import fair_timeout

PATIENCE_SECONDS = 10.0


async def test_what_takes_too_long_ends() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with fair_timeout(0.1):
            await asyncio.sleep(PATIENCE_SECONDS)
    assert 0.1 <= time.monotonic() - began < PATIENCE_SECONDS


async def test_an_answer_that_came_while_this_process_stood_still_counts() -> None:
    loop = asyncio.get_running_loop()
    for seconds in (0.0, 0.2):  # the answer comes with the end of the pause, or a little later
        answer = loop.create_future()
        async with fair_timeout(0.3):
            await asyncio.sleep(0)
            loop.call_later(0.9 + seconds, answer.set_result, "here")
            loop.call_soon(time.sleep, 0.9)
            assert await answer == "here"


async def test_a_pause_gives_as_much_more_time_as_there_was_at_most() -> None:
    loop = asyncio.get_running_loop()

    async def nobody_answers() -> None:
        async with fair_timeout(0.1):
            loop.call_soon(time.sleep, 0.4)
            await asyncio.sleep(PATIENCE_SECONDS)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await nobody_answers()
    assert 0.48 < time.monotonic() - began < PATIENCE_SECONDS


async def test_nothing_is_left_when_the_answer_is_in_time() -> None:
    async with fair_timeout(0.05):
        pass
    await asyncio.sleep(0.1)
