"""However many steps of a request wait for Redis, they share its time."""

import asyncio
import time

import pytest

from control.workers import redis_share
from control.workers.redis_share import Shares, within

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
    monkeypatch.setattr(redis_share, "REQUEST_SECONDS", 0.2)


@pytest.fixture
def shares() -> Shares:
    return Shares()


async def test_the_steps_of_a_request_share_its_time(shares: Shares) -> None:
    began = time.monotonic()
    with shares.one_request("192.0.2.1"):
        assert await waits(0.1)
        for _ in range(3):
            assert await waits(LONG)
    assert time.monotonic() - began < QUICK


async def test_steps_within_a_step_and_beside_it_count_once(
    shares: Shares, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(redis_share, "monotonic", lambda: now)

    async def step() -> None:
        nonlocal now
        async with within(LONG):
            now += 0.01

    with shares.one_request("192.0.2.1"):
        async with within(LONG), within(LONG):
            await asyncio.gather(*(step() for _ in range(5)))
        share = redis_share._share.get()
        assert share is not None
        assert share.left == pytest.approx(0.2 - 0.05)


async def test_a_request_that_waits_for_its_client_keeps_its_time(shares: Shares) -> None:
    with shares.one_request("192.0.2.1"):
        await asyncio.sleep(0.3)  # the body arrives slowly
        async with within(LONG):
            await asyncio.sleep(0)


async def test_what_is_no_request_has_the_time_that_it_asks_for() -> None:
    async with within(LONG):
        await asyncio.sleep(0.3)


async def test_each_request_has_its_own_time(shares: Shares) -> None:
    async def request() -> bool:
        with shares.one_request("192.0.2.1"):
            return await waits(LONG) and await waits(LONG)

    assert await asyncio.gather(*(request() for _ in range(5))) == [True] * 5
    assert redis_share._share.get() is None


async def test_many_requests_of_one_client_hold_up_those_of_others_no_longer_than_a_few(
    shares: Shares, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_share, "REQUEST_SECONDS", QUICK)
    monkeypatch.setattr(redis_share, "AT_ONCE_OF_CLIENT", 2)
    calls: list[str] = []
    answers = asyncio.Event()

    async def request(client: str) -> None:
        with shares.one_request(client):
            async with within(QUICK):
                calls.append(client)
                await answers.wait()

    async with asyncio.TaskGroup() as requests:
        for client in ("flood",) * 5 + ("other",):
            requests.create_task(request(client))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert calls == ["flood", "flood", "other"]
        answers.set()
    assert calls == ["flood", "flood", "other", "flood", "flood", "flood"]


def test_each_app_has_turns_of_its_own() -> None:
    """A semaphore belongs to one event loop, and lives as long as a request that is left open."""
    found = []
    for apps in (Shares(), Shares()):
        with apps.one_request("192.0.2.1"), apps.one_request("192.0.2.1"):
            share = redis_share._share.get()
            assert share is not None
            found.append(share.turns)
    assert found[0] is not found[1]
