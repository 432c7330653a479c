"""The worker's ticks: often enough when nothing comes, behind datagrams when they do, never too often."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from time import monotonic

import pytest

from media.ticker import LATEST_SECONDS, TICK_SECONDS, Ticker
from tests.support.waiting import eventually

IN_TIME = 5.0


class Ticks:
    """The times at which it was called."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.breaks = False

    def __call__(self, now: float) -> None:
        self.times.append(now)
        if self.breaks:
            raise RuntimeError

    @property
    def pauses(self) -> list[float]:
        return [after - before for before, after in pairwise(self.times)]


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
async def ticker(ticks: Ticks) -> AsyncIterator[Ticker]:
    ticker = Ticker(ticks)
    yield ticker
    ticker.stop()


async def test_they_come_by_themselves(ticker: Ticker, ticks: Ticks) -> None:
    ticker.start()
    await eventually("three ticks", lambda: len(ticks.times) >= 3, IN_TIME)
    assert min(ticks.pauses) >= LATEST_SECONDS - 0.005  # libuv counts milliseconds


async def test_behind_datagrams_they_come_at_the_least_pause(ticker: Ticker, ticks: Ticks) -> None:
    ticker.start()
    end = monotonic() + IN_TIME
    ridden = 0
    while ridden < 3 and monotonic() < end:
        await asyncio.sleep(0.01)
        before = len(ticks.times)
        ticker.ride()
        ridden += len(ticks.times) - before
    assert ridden == 3
    assert min(ticks.pauses) >= TICK_SECONDS


async def test_one_that_breaks_does_not_stop_the_next(ticker: Ticker, ticks: Ticks) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    ticks.breaks = True
    ticker.start()
    await eventually("two ticks", lambda: len(ticks.times) == 2, IN_TIME)
    assert len(failures) == 2


async def test_nothing_comes_before_the_start_and_after_the_end(ticker: Ticker, ticks: Ticks) -> None:
    ticker.ride()
    ticker.start()
    ticker.stop()
    ticker.stop()
    await asyncio.sleep(2 * LATEST_SECONDS)
    ticker.ride()
    assert ticks.times == []
