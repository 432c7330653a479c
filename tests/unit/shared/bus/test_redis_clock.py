"""Redis' clock as it is read from afar: how exactly, and how often."""

from math import inf, isnan
from typing import Any

import pytest

from shared.bus.redis_clock import MAX_AGE_SECONDS, RedisClock


class World:
    """A Redis that shows 1700.5 s, half a second after it was asked and before its answer is here."""

    def __init__(self) -> None:
        self.steady, self.wall, self.reads = 100.0, 2000.0, 0
        redis: Any = self
        self.clock = RedisClock(redis, lambda: self.steady, lambda: self.wall)

    async def exchange(self, commands: list[tuple[str, ...]]) -> list[Any]:
        self.reads += 1
        self.steady += 1.0
        return [(1700, 500_000) if command == ("TIME",) else command for command in commands]


async def test_it_is_as_late_as_it_can_be_since_the_question_and_the_answer() -> None:
    world = World()
    clock = world.clock
    assert (clock.earliest(), clock.latest(), clock.now()) == (-inf, inf, 2000.0)
    assert isnan(clock.skew())
    assert await clock.read(("GET", "a"), ("GET", "b")) == [("GET", "a"), ("GET", "b")]
    world.steady += 10.0
    assert (clock.earliest(), clock.latest()) == pytest.approx((1710.5, 1711.5), abs=0.02)
    assert (clock.now(), clock.skew()) == pytest.approx((1711.0, 289.0), abs=0.01)


async def test_it_is_read_anew_when_the_last_reading_is_old() -> None:
    world = World()
    for seconds, reads in ((0.0, 1), (MAX_AGE_SECONDS, 1), (0.25, 2), (0.25, 2)):
        world.steady += seconds
        await world.clock.freshen()
        assert world.reads == reads
