"""Which share of the packets that were sent lately was lost, by the packets that a receiver requests again.

A REMB does not show a full line while it is far below what the receiver gets, and reports come once a second.
NACKs come at once, and name the packets: so they show what a full line lets through.
"""

import math
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

LEAST_PACKETS = 6  # a result needs so many packets that were requested since the last result
LEAST_SECONDS, MOST_SECONDS = 0.2, 0.6  # so long the lost packets were sent for: a burst is shorter
QUEUE_SECONDS, QUEUED_SECONDS = 0.15, 0.08  # behind a queue that is longer, less time is enough
LEAST_SHARE = 0.10  # a smaller loss is chance, or passes
_DEVIATIONS = 2.0  # beyond which a loss is no chance: once in a hundred looks
_BURST_PACKETS = 4  # so many are lost at once by chance, or fewer
MOST_SHARE = 0.9  # so few packets cannot show more
STARVES_TIMES = 3  # a packet was sent again so often, and each time lost
MOST_AGAIN = 256  # retransmissions that are remembered: what a viewer may be sent in `MOST_SECONDS`


class Loss(NamedTuple):
    """`share` of the packets that were sent from `begin` to `end`, in seconds of a steady clock.

    `certain` is the share that is no chance.
    """

    share: float
    certain: float
    begin: float
    end: float


def certain(lost: float, expected: float, deviations: float = _DEVIATIONS) -> float:
    """The share of lost packets that is no chance: of few packets many may be lost by that."""
    return _beyond_chance(lost, lost, expected, deviations) if lost else 0.0


def certain_of(lost: Iterable[int], expected: int) -> float:
    """The same of packets with these numbers, in order: those that are lost in a row are lost at once."""
    runs: list[int] = []
    former = None
    for number in lost:
        if former is not None and number == former + 1:
            runs[-1] += 1
        else:
            runs.append(1)
        former = number
    return _beyond_chance(sum(runs), sum(run * min(run, _BURST_PACKETS) for run in runs), expected)


def _beyond_chance(lost: float, variance: float, expected: float, deviations: float = _DEVIATIONS) -> float:
    return min(max((lost - deviations * math.sqrt(max(variance, 0.0))) / max(expected, 1), 0.0), 1.0)


class _Again:
    """Retransmissions of one track: when they left, and which of them were lost as the first one was."""

    __slots__ = ("_left", "_lost", "_sent", "_times")

    def __init__(self) -> None:
        self._times: dict[int, int] = {}  # how often each was lost
        self._left: dict[int, float] = {}  # when, by the packet's index, until it is requested once more
        self._sent: deque[float] = deque(maxlen=MOST_AGAIN)
        self._lost: deque[float] = deque(maxlen=MOST_AGAIN)

    def sent(self, index: int, now: float) -> None:
        self._left.pop(index, None)
        self._left[index] = now
        if len(self._left) > MOST_AGAIN:
            del self._left[next(iter(self._left))]  # the oldest
        self._sent.append(now)

    def asked(self, index: int, came_at: float) -> bool:
        """Take a request; returns whether that packet is lost again and again."""
        if self._left.get(index, math.inf) > came_at:
            return False
        self._lost.append(self._left.pop(index))
        self._times[index] = times = self._times.pop(index, 0) + 1
        if len(self._times) > MOST_AGAIN:
            del self._times[next(iter(self._times))]
        return times == STARVES_TIMES

    def between(self, begin: float, end: float) -> tuple[int, int]:
        """How many were lost, of how many that left meanwhile."""
        lost, sent = (sum(begin <= at <= end for at in each) for each in (self._lost, self._sent))
        return lost, sent


class LossRun:
    """Gathers the losses of one viewer.

    Retransmissions count as what they are, packets: behind a policer a burst may be lost, and all that is
    sent again come, or the other way round.
    """

    __slots__ = ("_again", "_lost", "_told", "_track")

    def __init__(self) -> None:
        self._again = _Again()
        self._lost: dict[int, float] = {}  # index of a packet -> when it was sent
        self._told = -1  # the last index of the last result
        self._track: int | None = None

    def resent(self, index: int, now: float) -> None:
        """Take that a packet was sent again."""
        self._again.sent(index, now)

    def asked(
        self,
        track: int,
        packets: Iterable[tuple[int, float]],
        came_at: float,
        *,
        queue: float = 0.0,
        overflows: bool = False,
        since: float = -math.inf,
    ) -> Loss | None:
        """Take a request for packets of `track`: the index of each, and when it was sent.

        A packet that was sent at `came_at` would have arrived by now, if there were no queue; what was sent
        again waits in the present `queue`, in seconds, as others do. A queue of ours that `overflows` drops
        many packets in a row, and none by chance. But others may fill it for a moment: so say so only if a
        train will correct it. What was sent before `since` tells nothing: it was more.

        Returns the loss, if more of it than chance is large, and enough packets were lost since the last
        result. Or that nothing comes of one packet, which may be chance: small padding takes a policer's room
        from it. A packet counts once each time that it was sent, however often it is requested.
        """
        if track != self._track:
            self._track, self._told = track, -1
            self._lost.clear()
            self._again = _Again()
        before, starves = len(self._lost), False
        for index, sent_at in packets:
            starves |= self._again.asked(index, came_at - queue)
            self._lost.setdefault(index, sent_at)
        if starves:
            return Loss(MOST_SHARE, 0.0, came_at, came_at)
        if len(self._lost) == before:
            return None
        last = max(self._lost)
        end = self._lost[last]
        oldest = max(end - MOST_SECONDS, since)
        self._lost = {index: at for index, at in self._lost.items() if at >= oldest}
        if sum(index > self._told for index in self._lost) < LEAST_PACKETS:
            return None
        first = min(self._lost)
        begin = self._lost[first]
        # a packet behind the last lost one has arrived: it showed the gap
        expected = last - first + 2
        lost_again, again = self._again.between(begin, end)
        share = min((len(self._lost) + lost_again) / (expected + again), MOST_SHARE)
        is_queued = came_at - end > QUEUE_SECONDS
        sure = certain_of(sorted(self._lost), expected)
        if is_queued and overflows:
            sure = certain(len(self._lost), expected)
        sure = min(sure, share)
        least = QUEUED_SECONDS if is_queued else LEAST_SECONDS
        if end - begin < least or sure < LEAST_SHARE:
            return None
        self._told = last
        return Loss(share, sure, begin, end)
