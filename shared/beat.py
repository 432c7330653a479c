"""When a process does what it does regularly: all of it at the same moments, and in between it rests.

A process that wakes finds cold caches: what takes 0.06 ms right after something else takes 0.4 ms by itself.
So one moment for many things costs less than one for each, and what they ask of Redis then goes in one round
trip (`shared/bus/shared_line.py`). The processes of a host have theirs shortly one after the other: what one
has just used of the interpreter, the kernel and Redis, the next one finds in the caches. Those of two hosts
differ, since their clocks begin when a host starts: a cluster does not come to Redis all at once.
"""

import asyncio
from collections.abc import Callable
from random import random
from weakref import WeakKeyDictionary

BEAT_SECONDS = 1.0
_SOONEST = 0.2  # a beat that comes sooner than this share of a period is left out: the caller was woken early
# The beats of a host's processes lie within this time, and not in one millisecond: there may be many.
SPREAD_SECONDS = 0.004
_own_place = random()  # noqa: S311  # no secret
_phase = SPREAD_SECONDS * _own_place


def until_beat(now: float, seconds: float = BEAT_SECONDS) -> float:
    """The seconds at `now`, on the loop's clock, until the next beat of those that come each `seconds`.

    On a beat it is the whole `seconds`. Beats whose periods are multiples of each other meet.
    """
    left = (_phase - now) % seconds
    return left + seconds if left < _SOONEST * seconds else left


def come_after_workers() -> None:
    """Have this process' moments after those of its host's workers: it reads what they have just written.

    Call it before anything waits for a beat.
    """
    global _phase
    _phase = SPREAD_SECONDS * (1 + _own_place)


async def beat(seconds: float = BEAT_SECONDS) -> None:
    """Wait for the next beat of those that come each `seconds`."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    is_due: asyncio.Future[None] = loop.create_future()
    waiting = _waiting_for(now + until_beat(now, seconds), loop)
    waiting.append(is_due)
    try:
        await is_due
    except BaseException:  # cancelled: it would keep its loop
        waiting.remove(is_due)
        raise


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
    waiting = Waiting(call)
    _waiting_for(due, asyncio.get_running_loop()).append(waiting)
    return waiting


_Beat = list[Waiting | asyncio.Future[None]]
_beats: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, _Beat]] = WeakKeyDictionary()


def _waiting_for(due: float, loop: asyncio.AbstractEventLoop) -> _Beat:
    """The calls that wait for the beat at `due`."""
    beats = _beats.get(loop)
    if beats is None:
        beats = _beats[loop] = {}
    number = round(due * 1000)
    if (waiting := beats.get(number)) is None:
        waiting = beats[number] = []
        loop.call_at(due, _ring, beats, number)
    return waiting


def _ring(beats: dict[int, _Beat], number: int) -> None:
    for waiting in beats.pop(number):
        if isinstance(waiting, Waiting):
            waiting.due()
        elif not waiting.done():  # otherwise its task was cancelled
            waiting.set_result(None)
