"""The life of a line that changes all the time, by a seed; and how long it carried so much at a stretch."""

import math
import random
from collections.abc import Iterator, Sequence

from tests.support.line_shape import Shape

LEAST_RATE, MOST_RATE = 150_000, 5_000_000  # bit/s
LEAST_SECONDS, MOST_SECONDS = 4.0, 12.0  # between two changes
LEAST_DELAY, MOST_DELAY = 0.005, 0.08
MOST_LOSS = 0.01


def shapes(chance: random.Random) -> Iterator[tuple[float, Shape, float]]:
    """Without end: a rate (each order of magnitude is as likely), its shape, and for how many seconds."""
    delay = chance.uniform(LEAST_DELAY, MOST_DELAY)
    loss = chance.choice((0.0, 0.0, chance.uniform(0, MOST_LOSS)))
    while True:
        rate = math.exp(chance.uniform(math.log(LEAST_RATE), math.log(MOST_RATE)))
        yield rate, Shape(rate=rate, delay=delay, loss=loss), chance.uniform(LEAST_SECONDS, MOST_SECONDS)


def longest(rates: Sequence[tuple[float, float]], least: float, begin: float, end: float) -> float:
    """The longest time without a break, in seconds, in which a line carried at least `least` bit/s."""
    best, since = 0.0, math.inf
    for number, (at, rate) in enumerate(rates):
        until = rates[number + 1][0] if number + 1 < len(rates) else math.inf
        if rate < least:
            since = math.inf
            continue
        since = min(since, max(at, begin))
        best = max(best, min(until, end) - since)
    return best
