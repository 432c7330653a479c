"""Puts runs of packets in order, and reports a gap where packets never came."""

from bisect import insort
from collections.abc import Iterable, Iterator
from operator import itemgetter

from media.rtp.run import Run, between

# A retransmission takes a few round trips. A longer wait would lose more in a crash.
WAIT_SECONDS = 0.7
MAX_WAITING = 2048  # packets


class ReorderBuffer:
    """Runs by the room's index, from the first one pushed on; packets that come too late are left out."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._waiting: list[tuple[int, float, Run]] = []  # by the first index; and when it came
        self._packets = 0  # in these

    def push(self, run: Run, now: float) -> Iterable[Run | None]:
        """Take a run that came at `now`, in seconds of a steady clock; returns what is due then."""
        first = run.first
        if self._next is None:
            self._next = first
        if first == self._next and not self._waiting:  # as nearly all are
            self._next += len(run)
            return (run,)
        if first + len(run) > self._next:
            insort(self._waiting, (first, now, run), key=itemgetter(0))
            self._packets += len(run)
        return self.pop(now)

    def pop(self, now: float) -> Iterator[Run | None]:
        """The runs that are due, in order; None for a gap, once the run after it has waited long enough.

        At `math.inf` these are all that are left.
        """
        while self._waiting:
            yield from self._in_order()
            if not self._waiting:
                return
            first, came_at, _ = self._waiting[0]
            if self._packets <= MAX_WAITING and now - came_at < WAIT_SECONDS:
                return
            self._next = first
            yield None

    def _in_order(self) -> Iterator[Run]:
        while self._waiting and self._next is not None and self._waiting[0][0] <= self._next:
            _, _, run = self._waiting.pop(0)
            self._packets -= len(run)
            after = run.first + len(run)
            if after > self._next:
                run = between(run, self._next, after)  # but for what another run has had, too
                self._next = after
                yield run
