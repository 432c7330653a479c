"""Plain counts of what a worker has done. The code that counts owns them; the metrics read them."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate


class Histogram:
    """Counts values by `bounds`, the upper ends of its buckets (inclusive, ascending).

    Only one thread fills it, on the hot path, so it needs no lock.
    """

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    @classmethod
    def of(cls, parts: Iterable["Histogram"]) -> "Histogram":
        """What all `parts` have counted; they have the same bounds."""
        first, *others = parts
        total = cls(first._bounds)
        total._counts, total._sum = list(first._counts), first._sum
        for part in others:
            total._counts = list(map(int.__add__, total._counts, part._counts))
            total._sum += part._sum
        return total

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    @property
    def count(self) -> int:
        return sum(self._counts)

    def buckets(self) -> list[tuple[float, int]]:
        """Upper bound and cumulative count of each bucket; the last bound is infinite."""
        return list(zip((*self._bounds, math.inf), accumulate(self._counts), strict=True))

    @property
    def sum(self) -> float:
        return self._sum


class Totals:
    """Sums of counters over many objects: those that exist, and those that have ended.

    `names` are the attributes that count.
    """

    def __init__(self, *names: str) -> None:
        self._gone = dict.fromkeys(names, 0)

    def retire(self, one: object) -> None:
        """Keep the final counts of an object that ends."""
        for name in self._gone:
            self._gone[name] += getattr(one, name)

    def with_living(self, living: Iterable[object]) -> dict[str, int]:
        """The sums by name, over the objects in `living` and all retired ones."""
        totals = dict(self._gone)
        for one in living:
            for name in totals:
                totals[name] += getattr(one, name)
        return totals


LOSS_BOUNDS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
ROUND_TRIP_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)


@dataclass(slots=True)
class ViewerStats:
    """Plain counts, which only grow.

    `first_picture` is called with the time that a viewer waited for its picture: the seconds from its answer
    to the first packet of a keyframe.
    """

    first_picture: Callable[[float], None] = lambda _seconds: None

    nacks: int = 0  # packets that viewers requested again
    retransmissions: int = 0
    retransmissions_refused: int = 0  # because they exceed a viewer's budget
    keyframe_requests: int = 0  # PLI and FIR from viewers
    join_bursts: int = 0  # viewers that began with held pictures
    rtcp_dropped: int = 0  # left unread, from viewers that send too much
    layer_changes: int = 0  # of viewers to another layer, or another thinning of one
    pauses: int = 0  # pictures that were stopped at once, because the line carried no more
    probes: int = 0  # with padding, whether a line carries more
    sound_lost: int = 0  # packets of sound that viewers report as lost, without those sent again
    sound_retransmissions: int = 0  # those of sound, which `retransmissions` has, too
    sound_redundant: int = 0  # packets of sound that were sent with earlier ones in them
    srtp_refused: int = 0  # packets that would have used an SRTP index twice
    losses: Histogram = field(default_factory=lambda: Histogram(LOSS_BOUNDS))  # share of packets, 0 to 1
    round_trips: Histogram = field(default_factory=lambda: Histogram(ROUND_TRIP_BOUNDS))  # seconds

    def line(self, loss: float | None, round_trip: float) -> None:
        """Take what one viewer reports of its line, once a second. None and 0 are what it does not report."""
        if loss is not None:
            self.losses.observe(loss)
        if round_trip:
            self.round_trips.observe(round_trip)


@dataclass(slots=True)
class PublisherStats:
    """Plain counts, which only grow."""

    nacks: int = 0  # packets requested again from publishers
    plis: int = 0
    firs: int = 0


class TcpEnd(StrEnum):
    """Why we ended a TCP connection, or did not take one."""

    UNCHECKED = "unchecked"  # no authentic check in time
    NOT_ICE = "not_ice"  # it began with something else, or went on without an authentic check
    LONG_FRAME = "long_frame"
    NO_ROOM = "no_room"  # too many: it was the oldest that was still unchecked, or had to stay out
    NO_FILES = "no_files"  # the process may open no more files


@dataclass(slots=True)
class TcpStats:
    """Plain counts, which only grow."""

    accepted: int = 0
    refused: Counter[TcpEnd] = field(default_factory=Counter)
    dropped_packets: int = 0  # too late for their receiver: its connection did not take them in time
    dropped_octets: int = 0
