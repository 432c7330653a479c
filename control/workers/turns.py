"""Turns at long work, so that others have theirs in between: it takes about half of the time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import chain, islice
from time import monotonic
from typing import TypeVar

TURN_SECONDS = 0.001
PAUSE_SECONDS = 0.001
SHORT = 100  # things that take a millisecond: so short a list need not queue
MOST = 500  # names in a turn, after which they are sent

R = TypeVar("R")
T = TypeVar("T")


async def in_chunks(things: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """For this process' own work: some things at a time, and half of the time for requests."""
    for first in range(0, len(things), SHORT):
        if first:
            await asyncio.sleep(PAUSE_SECONDS)
        yield things[first : first + SHORT]


class Turns:
    def __init__(self) -> None:
        self._queue = asyncio.Lock()  # in the order of arrival

    async def render(self, names: Iterable[str], render: Callable[[str], R]) -> AsyncIterator[list[R]]:
        """What `render` makes of each name, some at a time.

        A slow reader holds up nobody: it queues for each turn.
        """
        rest = iter(names)
        first = list(islice(rest, SHORT + 1))
        if len(first) <= SHORT:
            if first:
                yield [render(name) for name in first]
            return
        rest = chain(first, rest)
        while True:
            async with self._queue:
                await asyncio.sleep(PAUSE_SECONDS)
            ends, some = monotonic() + TURN_SECONDS, list[R]()
            for name in islice(rest, MOST):
                some.append(render(name))
                if monotonic() >= ends:
                    break
            if not some:
                return
            yield some
