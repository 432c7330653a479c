"""Whoever is late himself gives others more time."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from shared.bus.fair_timeout import LATE_SECONDS, fair_timeout

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


@pytest.mark.parametrize(("late", "more"), [(0.0, 0.0), (LATE_SECONDS, 0.0), (3.0, 3.0), (9.0, 5.0)])
def test_a_pause_gives_as_much_more_time_as_there_was_at_most(late: float, more: float) -> None:
    limit, ends = fair_timeout(5.0), list[float]()
    untyped: Any = limit
    untyped._end, untyped._loop = 0.0, SimpleNamespace(time=lambda: late)
    untyped._limit = SimpleNamespace(reschedule=ends.append)
    limit._is_due()
    assert ends == [late + more]


async def test_nothing_is_left_when_the_answer_is_in_time() -> None:
    async with fair_timeout(0.05):
        pass
    await asyncio.sleep(0.1)
