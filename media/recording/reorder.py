"""Puts packets in order, and reports a gap where some never came."""

import heapq
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

# A retransmission takes a few round trips. A longer wait would lose more in a crash.
WAIT_SECONDS = 0.7
MAX_WAITING = 2048  # packets


class Gap(NamedTuple):
    """Packets that did not come."""

    packets: int


class ReorderBuffer(Generic[T]):
    """Items by consecutive index, from the first one pushed on; items that come too late are left out."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._waiting: dict[int, tuple[T, float]] = {}
        self._order: list[int] = []  # a heap of the indices in `_waiting`

    def push(self, index: int, item: T, now: float) -> None:
        if self._next is None:
            self._next = index
        if index >= self._next and index not in self._waiting:
            self._waiting[index] = item, now
            heapq.heappush(self._order, index)

    def pop(self, now: float) -> Iterator[T | Gap]:
        """The items that are due, in order; a gap, once the item after it has waited long enough."""
        while self._waiting:
            yield from self._in_order()
            if not self._waiting:
                return
            first = self._order[0]
            if len(self._waiting) <= MAX_WAITING and now - self._waiting[first][1] < WAIT_SECONDS:
                return
            yield self._skip_to(first)

    def drain(self) -> Iterator[T | Gap]:
        """All items that are left."""
        while self._waiting:
            yield from self._in_order()
            if self._waiting:
                yield self._skip_to(self._order[0])

    def _in_order(self) -> Iterator[T]:
        while self._order and self._order[0] == self._next:
            self._next += 1
            yield self._waiting.pop(heapq.heappop(self._order))[0]

    def _skip_to(self, index: int) -> Gap:
        assert self._next is not None
        gap = Gap(index - self._next)
        self._next = index
        return gap
