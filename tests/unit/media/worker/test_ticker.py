"""The worker's ticks: often enough when nothing comes, behind datagrams when they do, never too often."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from time import monotonic

import pytest

from media.worker.ticker import LATEST_SECONDS, RESTING_SECONDS, TICK_SECONDS, Ticker
from tests.support.waiting import eventually

IN_TIME = 5.0


class Ticks:
    """The times at which it was called."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.breaks = False
        self.is_busy = True

    def __call__(self, now: float) -> bool:
        self.times.append(now)
        if self.breaks:
            raise ZeroDivisionError
        return self.is_busy

    @property
    def pauses(self) -> list[float]:
        return [after - before for before, after in pairwise(self.times)]


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def ticker(ticks: Ticks) -> Ticker:
    return Ticker(ticks)


@pytest.fixture
async def running(ticker: Ticker) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(ticker.run())
    await asyncio.sleep(0)
    yield task
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.usefixtures("running")
async def test_ticks_come_by_themselves(ticks: Ticks) -> None:
    await eventually("three ticks", lambda: len(ticks.times) >= 3, IN_TIME)
    assert min(ticks.pauses) >= LATEST_SECONDS - 0.005  # libuv counts milliseconds


@pytest.mark.usefixtures("running")
async def test_with_nothing_to_do_ticks_are_rare_but_for_those_behind_datagrams(
    ticker: Ticker, ticks: Ticks
) -> None:
    ticks.is_busy = False
    await eventually("three ticks", lambda: len(ticks.times) >= 3, IN_TIME)
    assert ticks.pauses[-1] == pytest.approx(RESTING_SECONDS, abs=0.3)
    ticks.is_busy = True
    await eventually("a datagram's tick", lambda: ticker.ride() or len(ticks.times) >= 4, IN_TIME)
    assert ticks.pauses[-1] < RESTING_SECONDS / 2
    await eventually("another tick", lambda: len(ticks.times) >= 5, IN_TIME)
    assert ticks.pauses[-1] < RESTING_SECONDS / 2


@pytest.mark.usefixtures("running")
async def test_ticks_behind_datagrams_keep_the_least_pause(ticker: Ticker, ticks: Ticks) -> None:
    end = monotonic() + IN_TIME
    ridden = 0
    while ridden < 3 and monotonic() < end:
        await asyncio.sleep(0.01)
        before = len(ticks.times)
        ticker.ride()
        ridden += len(ticks.times) - before
    assert ridden == 3
    assert min(ticks.pauses) >= TICK_SECONDS


@pytest.mark.parametrize("rides", [False, True])
async def test_a_tick_that_fails_ends_the_run_with_its_error(
    ticker: Ticker, ticks: Ticks, running: asyncio.Task[None], rides: bool
) -> None:
    ticks.breaks = True

    def ended() -> bool:
        if rides:
            ticker.ride()
        return running.done()

    await eventually("it has ended", ended, IN_TIME)
    assert isinstance(running.exception(), ZeroDivisionError)
    assert len(ticks.times) == 1
    ticker.ride()
    assert len(ticks.times) == 1


async def test_no_tick_comes_before_the_run_or_after_it_was_cancelled(
    ticker: Ticker, ticks: Ticks, running: asyncio.Task[None]
) -> None:
    Ticker(ticks).ride()
    timer = ticker._timer
    assert timer is not None
    running.cancel()
    await asyncio.wait([running])
    assert timer.cancelled()
    ticker._due = 0.0
    ticker.ride()
    assert ticks.times == []
