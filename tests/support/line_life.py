"""The life of a line that changes all the time, by a seed; and how long it carried so much at a stretch."""

import asyncio
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.support.line_shape import Shape
from tests.support.line_viewer import clock
from tests.support.shaped_line import ShapedLine

LEAST_RATE, MOST_RATE = 150_000, 5_000_000  # bit/s
LEAST_SECONDS, MOST_SECONDS = 4.0, 12.0  # between two changes
LEAST_DELAY, MOST_DELAY = 0.005, 0.08
MOST_LOSS = 0.01


@dataclass
class LineLife:
    """`rates`: since when (Unix time) the line carries how much, in order."""

    random: random.Random
    rates: list[tuple[float, float]] = field(default_factory=list)

    async def live(self, line: ShapedLine) -> None:
        """Change the line until cancelled."""
        for rate, shape, seconds in shapes(self.random):
            line.shape(down=shape)
            self.rates.append((clock(), rate))
            await asyncio.sleep(seconds)

    def carries(self, least: float, begin: float, end: float) -> float:
        """The longest time without a break, in seconds, in which it carried at least `least` bit/s."""
        return longest(self.rates, least, begin, end)


def shapes(chance: random.Random) -> Iterator[tuple[float, Shape, float]]:
    """Without end: a rate (each order of magnitude is as likely), its shape, and for how many seconds."""
    delay = chance.uniform(LEAST_DELAY, MOST_DELAY)
    loss = chance.choice((0.0, 0.0, chance.uniform(0, MOST_LOSS)))
    while True:
        rate = math.exp(chance.uniform(math.log(LEAST_RATE), math.log(MOST_RATE)))
        yield rate, Shape(rate=rate, delay=delay, loss=loss), chance.uniform(LEAST_SECONDS, MOST_SECONDS)


def longest(rates: Sequence[tuple[float, float]], least: float, begin: float, end: float) -> float:
    """See `LineLife.carries`."""
    best, since = 0.0, math.inf
    for number, (at, rate) in enumerate(rates):
        until = rates[number + 1][0] if number + 1 < len(rates) else math.inf
        if rate < least:
            since = math.inf
            continue
        since = min(since, max(at, begin))
        best = max(best, min(until, end) - since)
    return best
