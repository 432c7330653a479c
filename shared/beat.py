"""When a process does what it does regularly: all of it at one moment of each second.

A process that wakes finds cold caches, so one moment for many things costs less than one for each. Each
process has another one, drawn at random: those of a host, and of a cluster, do not come to Redis all at once.
"""

import asyncio
from functools import cache
from random import random

BEAT_SECONDS = 1.0
_SOONEST = 0.2  # of a period: who has just missed a beat, or was woken early for it, takes the next one


@cache
def phase() -> float:
    """When this process beats, in seconds within each second."""
    return random() * BEAT_SECONDS  # noqa: S311  # no secret


def until_beat(now: float, seconds: float = BEAT_SECONDS) -> float:
    """How long to wait at `now`, on the loop's clock, for the next beat of those that come each `seconds`.

    From one beat to the next that is `seconds`. Periods of which one is a multiple of the other meet.
    """
    left = (phase() - now) % seconds
    return left + seconds if left < _SOONEST * seconds else left


async def beat(seconds: float = BEAT_SECONDS) -> None:
    """Wait for the next beat of those that come each `seconds`."""
    await asyncio.sleep(until_beat(asyncio.get_running_loop().time(), seconds))
