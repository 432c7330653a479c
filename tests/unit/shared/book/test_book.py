"""How the book goes on: whatever a look finds, the next one follows, and what has ended is forgotten."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from shared.book import book as module
from shared.book.book import ENDED_SECONDS, SWEEP_SECONDS
from shared.messages.rulings import Block
from shared.rulings.ruling_book import RulingBook
from tests.support.meanwhile import meanwhile
from tests.support.waiting import eventually
from tests.unit.shared.rulings.test_ruling_book import NOW, stamped


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "beat", lambda _: asyncio.sleep(0.001))


def book() -> RulingBook:
    clock: Any = SimpleNamespace(now=lambda: NOW)
    nothing: Any = None
    return RulingBook(nothing, clock)


async def test_neither_an_outage_nor_a_bug_ends_the_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    one = book()
    outcomes: list[Exception | None] = [RedisConnectionError(), OSError(), ValueError("a bug"), None]
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        if outcomes and (outcome := outcomes.pop(0)) is not None:
            raise outcome

    monkeypatch.setattr(one, "look", look)
    with capture_logs() as logs:
        async with meanwhile(one.run()):
            await eventually("it looks again and again", lambda: looks > 5, 30.0)
    assert [line["event"] for line in logs] == ["a book was not read"]  # of the bug alone


async def test_without_redis_a_process_begins_with_none(monkeypatch: pytest.MonkeyPatch) -> None:
    one = book()
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        raise RedisConnectionError

    monkeypatch.setattr(one, "look", look)
    await one.first_look()
    assert (looks, len(one.rulings)) == (1, 0)
    assert not one.read.is_set()


async def test_what_has_ended_is_forgotten_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 500.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    one = book()

    async def look() -> None: ...

    monkeypatch.setattr(one, "look", look)
    for room, until in (("over", NOW - ENDED_SECONDS), ("goes-on", NOW)):
        ruling = Block(room=room, until=until)
        one.rulings.take(ruling.name, stamped(ruling))
    async with meanwhile(one.run()):
        now += SWEEP_SECONDS - 0.1
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert len(one.rulings) == 2
        now += 0.1
        await eventually("it is swept", lambda: len(one.rulings) == 1, 30.0, every=0.001)
