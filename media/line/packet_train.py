"""What a line carries, measured within a round trip, by a train: a few packets that leave together.

The packets arrive one after the other, as fast as the line lets them. A line that lets bursts pass, or that
others use, too, measures too high. So a train proves that a picture does not fit; that one fits only a probe
can prove, but for the lowest moving picture.

A busy receiver reads several packets at once, and late: as if the line were infinitely fast, or far too slow.
Then only those count behind which another one came. But that the last one came so much later than the fastest
packet of any train is the longest that the line can have taken for this one: so much it carries at least. And
what was not read with the first packet came after it, which tells also behind a queue.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from media.line.loss_run import Loss, certain_of
from media.line.round_trips import ShortestRoundTrip

PACKETS = 6
OCTETS, FEW_OCTETS = 100, 20  # padding in each packet: a train has 8 kbit with all headers, or 4
UDP_OCTETS = 28  # of UDP's and IP's header
HEADER_OCTETS = 12 + 12 + 16 + UDP_OCTETS  # of RTP, its extensions, and SRTP's tag
NARROW = 120_000.0  # bit/s: a long train would hold up the sound on a narrower line
_LEAST_PACKETS = 4  # a train measures nothing if fewer of its packets arrive
_WAIT_SECONDS = 0.45  # the next train waits this long for the answer, which may come behind a queue of 0.3 s
_REST_SECONDS = 0.15  # from the report of the first packets to that of the last ones
_OLD_SECONDS = 1.0  # the report of an older train is about the line as it was
_URGENT_APART_SECONDS = 0.2  # between trains for which a picture waits: a full queue may drop one
_MOST_TRAINS = 4
_LEAST_APART_SECONDS, _NARROW_APART_SECONDS = 0.4, 2.0
_SHARE = 0.08  # trains take at most this share of the line
_LEAST_SECONDS = 0.002  # a train that arrives within this time only shows that the line is wide
_READ_SECONDS = _LEAST_SECONDS / (PACKETS - 1)  # from one packet to the next, or less: they were read at once
_MOST_APART_SECONDS = 5.0  # between trains that nobody answers
_MOST_PADDING = 512  # packets of which nobody has told are forgotten beyond so many
_LEAST_PADDING = 20  # packets, so that a share of them tells something
# The line stood still in the middle of a train if one gap is this long, and this share of all gaps.
_STALL_SECONDS, _STALL_SHARE = 0.03, 0.6


@dataclass(slots=True)
class Train:
    """`arrivals` has a packet's time by its place in the train, in seconds of the receiver's clock."""

    sent_at: float
    octets: int  # of padding in each packet
    arrivals: dict[int, float] = field(default_factory=dict)
    told_at: float = math.inf  # when enough arrivals were known


class PacketTrains:
    """The trains of one viewer. `now` is in seconds of a steady clock.

    `next` is the number of the first packet of the next train. `told_of` and `least` are of the latest train
    that measured something: when it was sent, and what the line carries at least, in bit/s.
    """

    __slots__ = (
        "_answered",
        "_apart",
        "_padding",
        "_sent_at",
        "_stood",
        "_trains",
        "_way",
        "least",
        "next",
        "octets",
        "once_more",
        "told_of",
    )

    def __init__(self, first: int = 0) -> None:
        self.next = first
        self._padding = PaddingArrivals()
        self._trains: dict[int, Train] = {}  # by the number of its first packet; the oldest first
        self._sent_at = -math.inf
        self._answered = True  # the latest train
        self._stood = False  # the line may have stood still in the middle of it
        self.once_more = False  # the latest train measured nothing, and the next one would
        self.told_of, self.least = -math.inf, 0.0
        self._way = ShortestRoundTrip()  # of the first packet of a train, and how far apart the clocks are
        self._apart = _LEAST_APART_SECONDS
        self.octets = OCTETS  # of padding in each packet of the next train

    def is_due(self, now: float, *, urgent: bool = False) -> bool:
        """Whether to send a train: the one before was answered, or may have been lost in a queue."""
        apart = self._apart if self._answered else max(_WAIT_SECONDS, self._apart)
        return now - self._sent_at >= (_URGENT_APART_SECONDS if urgent else apart)

    def send(self, now: float) -> int:
        """Begin a train; returns the number of its first packet."""
        first = self.next
        self.next += PACKETS
        self._trains[first] = Train(now, self.octets)
        if len(self._trains) > _MOST_TRAINS:
            del self._trains[next(iter(self._trains))]
        if not self._answered:  # maybe the receiver never answers
            self._apart = min(2 * max(self._apart, _WAIT_SECONDS), _MOST_APART_SECONDS)
            self.octets = FEW_OCTETS
        self._sent_at, self._answered, self.once_more = now, False, False
        return first

    def number(self, count: int, now: float) -> int:
        """Give so many packets of padding their numbers; returns the first."""
        first = self.next
        self.next += count
        self._padding.sent(first, count, now)
        return first

    def lost(self, first: int, times: Sequence[float | None]) -> Loss | None:
        """Take when packets arrived; returns which share of padding was lost, if it is enough to tell."""
        return self._padding.arrived(first, times)

    def arrived(self, first: int, times: Sequence[float | None], now: float) -> float | None:
        """Take when packets arrived, from number `first` on. Returns what a train has measured, in bit/s."""
        told = None
        for begin, train in list(self._trains.items()):
            for number in range(PACKETS):
                place = begin + number - first & 0xFFFF
                if place < len(times) and (time := times[place]) is not None:
                    train.arrivals[number] = time
            if len(train.arrivals) >= _LEAST_PACKETS:
                train.told_at = min(train.told_at, now)
            late = now - train.sent_at > _OLD_SECONDS
            if late or PACKETS - 1 in train.arrivals:
                del self._trains[begin]
                told = told if late else self._rate(train, now) or told
                self._answered = not self._trains
        return told

    def cut_short(self, now: float) -> float | None:
        """What a train has measured whose last packets are overdue: a full queue may have dropped them."""
        for begin, train in self._trains.items():
            if now - train.told_at > _REST_SECONDS:
                del self._trains[begin]
                self._answered = not self._trains
                return self._rate(train, now) if now - train.sent_at <= _OLD_SECONDS else None
        return None

    def _rate(self, train: Train, now: float) -> float | None:
        arrivals = sorted(train.arrivals.values())
        if len(arrivals) < _LEAST_PACKETS:
            return None
        seconds = arrivals[-1] - arrivals[0]
        bits = (train.octets + HEADER_OCTETS) * 8
        if seconds > _OLD_SECONDS:  # the receiver's clock has wrapped
            return None
        shortest = self._way.seconds
        self._way.take(arrivals[0] - train.sent_at, now)
        longest = max(later - earlier for earlier, later in pairwise(arrivals))
        self._stood = not self._stood and longest > max(_STALL_SECONDS, seconds * _STALL_SHARE)
        self.once_more = self._stood  # such a train does not show the rate
        if self._stood:
            self._apart = 0.0
            return None
        exact = _exact(arrivals)
        rate = bits / _gap(exact) if exact and exact[-1][0] - exact[0][0] > 1 else math.inf
        was_small, is_narrow = train.octets <= FEW_OCTETS, rate < NARROW
        self.octets = FEW_OCTETS if is_narrow else OCTETS
        if was_small and not is_narrow:
            self._apart, self.once_more = 0.0, True  # of so little it is not exact
            return None
        apart = _NARROW_APART_SECONDS if is_narrow else PACKETS * bits / (rate * _SHARE)
        self._apart = max(apart, _LEAST_APART_SECONDS)
        self.told_of, self.least = train.sent_at, rate
        if len(exact) < len(arrivals) - 1:
            late = arrivals[-1] - train.sent_at - shortest if shortest < math.inf else math.inf
            took = max(late, seconds)
            self.least = (len(arrivals) - 1) * bits / took if took >= _LEAST_SECONDS else math.inf
            if later := sum(at - arrivals[0] > _READ_SECONDS for at in arrivals):
                self.least = max(self.least, (later - 1) * bits / seconds)
        return rate


def _exact(arrivals: Sequence[float]) -> list[tuple[int, float]]:
    """The places and times of packets that were read no later than the next one came.

    Of those that were read at once that is the last one. Of the very last one nobody knows: it counts where
    each of the others was read so.
    """
    exact = [(n, at) for n, (at, later) in enumerate(pairwise(arrivals)) if later - at > _READ_SECONDS]
    return exact if len(exact) < len(arrivals) - 1 else [*enumerate(arrivals)]


def _gap(arrivals: Sequence[tuple[int, float]]) -> float:
    """Seconds from one arrival to the next, by the slope of all: the first or the last one may be late."""
    middle = sum(place for place, _ in arrivals) / len(arrivals)
    squares = sum((place - middle) ** 2 for place, _ in arrivals)
    return sum((place - middle) * at for place, at in arrivals) / squares


class PaddingArrivals:
    """Which packets of a probe's padding came: nobody requests them again."""

    __slots__ = ("_came", "_lost", "_sent")

    def __init__(self) -> None:
        self._sent: dict[int, float] = {}  # when, by number; the oldest first
        self._came: dict[int, float] = {}  # when those were sent that have come since the last result
        self._lost: dict[int, float] = {}

    def sent(self, first: int, count: int, now: float) -> None:
        for number in range(first, first + count):
            self._sent[number] = now
        while len(self._sent) > _MOST_PADDING:
            del self._sent[next(iter(self._sent))]

    def arrived(self, first: int, times: Sequence[float | None]) -> Loss | None:
        told = {first + place & 0xFFFF: time for place, time in enumerate(times)}
        for number in [number for number in self._sent if number & 0xFFFF in told]:
            kind = self._lost if told[number & 0xFFFF] is None else self._came
            kind[number] = self._sent.pop(number)
        count = len(self._came) + len(self._lost)
        if count < _LEAST_PADDING:
            return None
        sent = sorted([*self._came.values(), *self._lost.values()])
        loss = Loss(len(self._lost) / count, certain_of(sorted(self._lost), count), sent[0], sent[-1])
        self._came, self._lost = {}, {}
        return loss
