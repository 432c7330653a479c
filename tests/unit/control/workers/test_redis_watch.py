"""However many steps of a request wait for Redis, they share its time."""

import asyncio
import time

import pytest

from control.workers import redis_watch
from control.workers.redis_watch import one_request, within

LONG = 60.0
QUICK = 10.0  # far less than LONG, far more than a busy machine needs


async def waits(seconds: float) -> bool:
    """Wait for a Redis that never answers; returns whether that was limited."""
    try:
        async with within(seconds):
            await asyncio.sleep(LONG)
    except TimeoutError:
        return True
    return False


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_watch, "REQUEST_SECONDS", 0.2)


async def test_the_steps_of_a_request_share_its_time() -> None:
    began = time.monotonic()
    with one_request():
        assert await waits(0.1)
        for _ in range(3):
            assert await waits(LONG)
    assert time.monotonic() - began < QUICK


async def test_steps_within_a_step_and_beside_it_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(redis_watch, "monotonic", lambda: now)

    async def step() -> None:
        nonlocal now
        async with within(LONG):
            now += 0.01

    with one_request():
        async with within(LONG), within(LONG):
            await asyncio.gather(*(step() for _ in range(5)))
        patience = redis_watch._patience.get()
        assert patience is not None
        assert patience.left == pytest.approx(0.2 - 0.05)


async def test_a_request_that_waits_for_its_client_keeps_its_time() -> None:
    with one_request():
        await asyncio.sleep(0.3)  # the body arrives slowly
        async with within(LONG):
            await asyncio.sleep(0)


async def test_what_is_no_request_has_the_time_that_it_asks_for() -> None:
    async with within(LONG):
        await asyncio.sleep(0.3)


async def test_each_request_has_its_own_time() -> None:
    async def request() -> bool:
        with one_request():
            return await waits(LONG) and await waits(LONG)

    assert await asyncio.gather(*(request() for _ in range(5))) == [True] * 5
    assert redis_watch._patience.get() is None
