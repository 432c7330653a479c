"""Brings packets into order, and says where one is missing for good."""

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

# A retransmission comes within some round trips. Longer would cost too much of the end in a crash.
WAIT_SECONDS = 0.7
MAX_WAITING = 2048  # packets


class Gap(NamedTuple):
    """Packets that did not come."""

    packets: int


class ReorderBuffer(Generic[T]):
    """Items by a consecutive index. The first one pushed begins; what comes too late is left out."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._waiting: dict[int, tuple[T, float]] = {}

    def push(self, index: int, item: T, now: float) -> None:
        if self._next is None:
            self._next = index
        if index >= self._next:
            self._waiting.setdefault(index, (item, now))

    def pop(self, now: float) -> Iterator[T | Gap]:
        """What is due: all in order, and a gap once what follows it has waited long enough."""
        while self._waiting:
            yield from self._in_order()
            if not self._waiting:
                return
            first = min(self._waiting)
            if len(self._waiting) <= MAX_WAITING and now - self._waiting[first][1] < WAIT_SECONDS:
                return
            yield self._skip_to(first)

    def drain(self) -> Iterator[T | Gap]:
        """All there is."""
        while self._waiting:
            yield from self._in_order()
            if self._waiting:
                yield self._skip_to(min(self._waiting))

    def _in_order(self) -> Iterator[T]:
        assert self._next is not None
        while (found := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            yield found[0]

    def _skip_to(self, index: int) -> Gap:
        assert self._next is not None
        gap = Gap(index - self._next)
        self._next = index
        return gap
