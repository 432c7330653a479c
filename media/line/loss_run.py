"""Which share of the packets that were sent lately was lost, by the packets that a receiver requests again.

A REMB does not show a full line while it is far below what the receiver gets, and reports come once a second.
NACKs come at once, and name the packets: so they show what a full line lets through.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

LEAST_PACKETS = 6  # a result needs so many packets that were requested since the last result
LEAST_SECONDS, MOST_SECONDS = 0.2, 0.6  # so long the lost packets were sent for: a burst is shorter
QUEUE_SECONDS, QUEUED_SECONDS = 0.15, 0.08  # behind a queue that is longer, less time is enough
LEAST_SHARE = 0.12  # a smaller loss is chance, or passes
CERTAIN_SHARE = 0.10  # the same of the share that is no chance: draft-ietf-rmcat-gcc-02 6
_DEVIATIONS = 2.0  # beyond which a loss is no chance: once in a hundred looks
_BURST_PACKETS = 4  # so many are lost at once by chance, or fewer
MOST_SHARE = 0.9  # so few packets cannot show more


class Loss(NamedTuple):
    """`share` of the packets that were sent from `begin` to `end`, in seconds of a steady clock.

    `came` are the indexes of the packets that arrived between the first and the last lost one.
    """

    share: float
    begin: float
    end: float
    came: tuple[int, ...] = ()


def certain(lost: Iterable[int], expected: int) -> float:
    """The share of `expected` packets that is no chance, where those with the numbers `lost` did not come.

    The numbers are in order. Of few packets many may be lost by chance, and those in a row are lost at once.
    """
    count = variance = row = 0
    former = None
    for number in lost:
        row = row + 1 if former is not None and number == former + 1 else 1
        variance += 2 * row - 1 if row <= _BURST_PACKETS else _BURST_PACKETS
        count, former = count + 1, number
    return max(count - _DEVIATIONS * math.sqrt(variance), 0.0) / expected


class LossRun:
    """Gathers the losses of one viewer."""

    __slots__ = ("_lost", "_told", "_track")

    def __init__(self) -> None:
        self._lost: dict[int, float] = {}  # index of a packet -> when it was sent
        self._told = -1  # the last index of the last result
        self._track: int | None = None

    def asked(
        self, track: int, packets: Iterable[tuple[int, float]], came_at: float, *, only_certain: bool = False
    ) -> Loss | None:
        """Take a request for packets of `track`: the index of each, and when it was sent.

        A packet that was sent at `came_at` would have arrived by now, if there were no queue.

        Returns the loss, if it is large, and enough packets were lost since the last result. A packet counts
        once, however often it is requested. With `only_certain` what may be chance is none: a receiver that
        tells of no trains has nothing to check it by. Behind a queue no loss is chance.
        """
        if track != self._track:
            self._track, self._told = track, -1
            self._lost.clear()
        before = len(self._lost)
        for index, sent_at in packets:
            self._lost.setdefault(index, sent_at)
        if len(self._lost) == before:
            return None
        last = max(self._lost)
        end = self._lost[last]
        self._lost = {index: at for index, at in self._lost.items() if at > end - MOST_SECONDS}
        if sum(index > self._told for index in self._lost) < LEAST_PACKETS:
            return None
        first = min(self._lost)
        begin = self._lost[first]
        # a packet behind the last lost one has arrived: it showed the gap
        expected = last - first + 2
        share = min(len(self._lost) / expected, MOST_SHARE)
        is_queued = came_at - end > QUEUE_SECONDS
        if end - begin < (QUEUED_SECONDS if is_queued else LEAST_SECONDS) or share < LEAST_SHARE:
            return None
        if only_certain and not is_queued and certain(sorted(self._lost), expected) < CERTAIN_SHARE:
            return None
        self._told = last
        return Loss(share, begin, end, tuple(n for n in range(first, last) if n not in self._lost))
