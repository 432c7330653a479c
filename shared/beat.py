"""When a process does what it does regularly: all of it at the same moments, and in between it rests.

A process that wakes finds cold caches: what takes 0.06 ms right after something else takes 0.4 ms by itself.
So one moment for many things costs less than one for each, and what they ask of Redis then goes in one round
trip (`shared/bus/shared_line.py`). The moments of two processes differ, so that those of a cluster do not all
come to Redis at once.
"""

import asyncio
from collections.abc import Callable
from random import random
from weakref import WeakKeyDictionary

BEAT_SECONDS = 1.0
_SOONEST = 0.2  # of a period: who has just missed a beat, or was woken early for it, takes the next one
_PHASE = 60 * random()  # noqa: S311  # seconds; no secret


def until_beat(now: float, seconds: float = BEAT_SECONDS) -> float:
    """How long to wait at `now`, on the loop's clock, for the next beat of those that come each `seconds`.

    From one beat to the next that is `seconds`. Periods of which one is a multiple of the other meet.
    """
    left = (_PHASE - now) % seconds
    return left + seconds if left < _SOONEST * seconds else left


async def beat(seconds: float = BEAT_SECONDS) -> None:
    """Wait for the next beat of those that come each `seconds`."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    is_due: asyncio.Future[None] = loop.create_future()

    def ring() -> None:
        if not is_due.done():  # otherwise it was just cancelled
            is_due.set_result(None)

    waiting = call_at_beat(now + until_beat(now, seconds), ring)
    try:
        await is_due
    finally:
        waiting.cancel()


class Waiting:
    """A call that waits for its beat."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self._call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self._call = None

    def due(self) -> None:
        if self._call is not None:
            self._call()
            self._call = None


def call_at_beat(due: float, call: Callable[[], object]) -> Waiting:
    """Have `call` called at `due`, a beat on the loop's clock; those of one beat in one round of the loop.

    Timers of their own would be due in different milliseconds, and each would wake the process. A call must
    not raise.
    """
    loop = asyncio.get_running_loop()
    beats = _beats.setdefault(loop, {})
    number = round(due * 1000)
    if number not in beats:
        beats[number] = []
        loop.call_at(due, _ring, beats, number)
    waiting = Waiting(call)
    beats[number].append(waiting)
    return waiting


_beats: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, list[Waiting]]] = WeakKeyDictionary()


def _ring(beats: dict[int, list[Waiting]], number: int) -> None:
    for waiting in beats.pop(number):
        waiting.due()
