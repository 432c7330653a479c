"""What a viewer's line carries: one number, from what was sent and what is known of its arrival.

Packets that arrive are no measure of a line, as long as it takes all that is sent. It is measured by what
it does not take: a queue that grows, packets that are lost, a train that comes stretched. Each such
measurement is evidence that the line is full, and says at which rate it let packets through meanwhile.

Not each queue and loss is ours. What stays although far less is sent comes from others, or from chance: it is
the line's nature, and from then on only what exceeds it is evidence.
"""

import math
from collections import deque
from enum import Enum, auto
from typing import NamedTuple

from media.line.loss_run import Loss, certain
from media.line.round_trips import QUEUE_SECONDS, RoundTrips
from media.line.sent_rates import SentRates

# Of what is sent, or of the line
LEAST_BITRATE = 8_000.0  # beside sound: a line that has a session carries this, whatever a viewer claims
FITS_SHARE = 0.85  # of what a line carries a picture may need: it has peaks of 1.15 of its mean
FAR_LESS_SHARE = 0.75  # of what was sent before: what stays with so little is not ours
_FULL_SHARE = 0.93  # or less of what is sent comes through: the queue grows by 0.1 s in 1.5 s, beyond jitter
_MARGIN_SHARE = 0.95  # of what comes out of a queue that stays: it must drain

# Queues
LONG_QUEUE_SECONDS = 0.12  # a receiver conceals sound that is so late: browsers hold 80 to 120 ms of it
_STREAM_QUEUE_SECONDS = 0.15  # TCP makes a shorter one by itself, and loses nothing
_SPAN_SECONDS = 0.25  # between two round trips that measure a line: that is more than a picture
_LONG_SPAN_SECONDS = 1.0  # at most: it may change
_OPENED_TIMES = 1.5  # what was known: such a line is another one
_JITTER_SECONDS = 0.03  # of a round trip: a queue that shrinks by more drains
# A queue that stays for so long, though it does not grow, comes from somebody. But one that loses packets
# cannot grow, and does not show how much comes through.
_STANDING_SECONDS = 2.0
_MOST_TRIPS = 32  # that are kept: more than 3 s of them
_LATELY_SECONDS = 0.4  # in less time what is sent depends on single pictures

# Losses
MUCH_LOSS_SHARE = 0.10  # of the packets: draft-ietf-rmcat-gcc-02 section 6
SOME_LOSS_SHARE = 0.02  # the same: below it a line is left alone
_RUN_SECONDS = 0.6  # of a run of lost packets, at most (`media.line.loss_run`)
_MOST_PACKETS, _MANY_PACKETS = 300, 80  # of reports that count; of which a share lost is no chance
_FOLLOW_SHARE = 1 / 8  # of the way to what one report says (as RFC 6298 2.3 does for a round trip)
_AS_LONG_SHARE = 0.5  # of the queue of before is as long: it breathes
_AS_MUCH_SHARE = 0.8  # of the losses of before is as much, and so is what they are this share of

# A REMB
FALL_SHARE = 0.97  # a REMB below this share of the former one has fallen: browsers send such a REMB at once
_BACK_OFF_SHARE = 0.85  # to which it falls of what came (draft-ietf-rmcat-gcc-02 section 5.5)
_NEWEST_SECONDS, HEARD_SECONDS = 0.15, 1.5  # so old are the newest packet that a REMB counts, and the oldest
_TRICKLE_BITRATE = 25_000.0  # a receiver cannot estimate a line from less

# What is how old
EPISODE_SECONDS = 3.0  # what happened so lately may have the same reason
_SETTLED_SECONDS = 1.5  # after a sign: a report is of the second before it, and comes a round trip later
_TRAIN_SECONDS = 1.0  # a train's measure is of now
_PROOF_SECONDS = 2.0  # what was sent for so long, and nothing spoke against it, fits


class State(Enum):
    """What the line does now."""

    CLEAR = auto()
    QUEUE = auto()
    LOSING = auto()


class _Trip(NamedTuple):
    sent_at: float
    came_at: float

    def left_before(self, later: "_Trip") -> bool:
        """Whether the two measure what was sent between: the queue has not drained meanwhile.

        Who holds back its answers, and gives them all at once, shows no fast line.
        """
        left = later.sent_at - self.sent_at
        return left >= _SPAN_SECONDS and later.came_at - self.came_at >= left - _JITTER_SECONDS


class _Before(NamedTuple):
    """A sign that was taken for ours: what was sent, how bad it was, and what the line was to carry."""

    rate: float
    value: float
    carries: float


_NOTHING = _Before(0.0, 0.0, 0.0)


class Losses:
    """What a line loses however little is sent, and whether losses are more than that."""

    __slots__ = ("_before", "_expected", "_lost", "own")

    def __init__(self) -> None:
        self.own = 0.0  # the share that it loses anyway
        self._before = _NOTHING
        self._lost = self._expected = 0  # packets, since then

    def sign(self, rate: float, share: float, carries: float) -> None:
        """Take that the line, which was to carry `carries`, lost so much while `rate` was sent."""
        if rate > self._before.rate * FAR_LESS_SHARE:
            self._before = _Before(rate, share, carries)
        self._lost = self._expected = 0

    def reported(self, rate: float, lost: int, expected: int, *, on_purpose: bool) -> float | None:
        """Take a report. If far less is sent, and as much is lost: what the line was to carry.

        That is an experiment only if less is sent `on_purpose`: after a burst less is sent, too, and yet more
        than the line carries. And what is far more than before is not the same.
        """
        self.own += (min(self.own, lost / max(expected, 1)) - self.own) * _FOLLOW_SHARE
        if self._expected > _MOST_PACKETS:  # older reports count for less
            self._lost, self._expected = self._lost // 2, self._expected // 2
        self._lost, self._expected = self._lost + lost, self._expected + expected
        rate_before, share, carries = self._before
        if self._expected < _MANY_PACKETS:
            return None
        if rate > rate_before * FAR_LESS_SHARE or not on_purpose:
            self._before = self._before if self.share > share * _AS_LONG_SHARE else _NOTHING
            return None
        self._before = _NOTHING
        if not share * _AS_MUCH_SHARE <= self.share <= share / _AS_MUCH_SHARE:
            return None
        self.own = self.share
        return carries

    @property
    def share(self) -> float:
        """The share that was lost lately."""
        return self._lost / max(self._expected, 1)

    @property
    def usual(self) -> float:
        """The share that was lost lately, or is the line's own."""
        return max(self.share, self.own)

    @property
    def certain(self) -> float:
        """How much of that is more than chance, and than the line's own."""
        return certain(self._lost, self._expected) - self.own


class LineEstimate:
    """`now` is in seconds of a steady clock, rates are in bit/s, with sound and padding.

    `carries` is what the line carries; infinite while nothing says otherwise. `signs` counts the evidence
    that it is full. `may_carry` is the most that the last of it leaves open: of few packets many may be lost
    by chance. `lost_share` is the share of packets that was lost, if losses were the last such evidence.
    """

    def __init__(self, now: float) -> None:
        self.is_stream = False
        self.carries = self.may_carry = math.inf
        self.signs = 0
        self.sign_at = -math.inf
        self.less_since = -math.inf  # when it was decided to send less
        self.tripped_at = now  # by what may be evidence, and is a reason to measure: a join is one
        self.lost_share: float | None = None
        self.trips = RoundTrips()
        self.trained_at = self.reported_at = -math.inf
        self.train_left_at = -math.inf  # the train that was answered then
        self._at_most = self._at_least = 0.0  # what it carries, by the latest train
        self._above = math.inf  # so many times what the line carries trains measure; infinite: unknown
        self._at_most_then = math.inf  # by the train before the last sign
        self._rates = SentRates(now)
        self._queued: deque[_Trip] = deque(maxlen=_MOST_TRIPS)  # round trips since the line was last empty
        self._is_told = False  # what came out of it since then
        self._remb: float | None = None
        self._lossy_at = -math.inf  # when anything told of losses
        self.much_lost_at = -math.inf  # when far more was lost than usual, be it by chance
        self.lost_at = self.shallow_at = -math.inf  # when it lost packets; when it did without a queue
        self.queued_at = -math.inf  # when it had one
        self._losses = Losses()
        self._carried = math.inf  # before the last sign
        self._is_theirs = False  # a queue that stays however little is sent, until the line was empty
        self._stood_at = -math.inf
        self._before = _NOTHING  # a queue that was taken for ours

    # --- evidence

    def sent(self, octets: int, sound: int, now: float) -> None:
        """Take how many octets were sent so far, and of sound: ten to twenty times a second."""
        self._rates.add(octets, sound, now)
        quiet = now - max(self.tripped_at, self._rates.since) >= _PROOF_SECONDS
        if quiet and self.state(now) is State.CLEAR:
            self.fits(self._rates.total(now, _PROOF_SECONDS))

    def round_trip(self, seconds: float, now: float) -> None:
        """Take a round trip that was measured just now.

        Two of them are a train of all that was sent between: what left in one span of time came in another.
        """
        former = self.trips.queue
        self.trips.take(seconds, now)
        if self.trips.queue <= self._short:
            self._queued.clear()
            self._is_told = self._is_theirs = False
            self._before = _NOTHING
            return
        self.tripped_at = now
        if self.trips.queues > 1:  # a single one may be chance
            self.queued_at = now
        trip = _Trip(now - seconds, now)
        if not self._queued:
            self._stood_at = now
        self._queued.append(trip)
        before = [each for each in self._queued if each.left_before(trip)]
        if not before or self.trips.queue < former - _JITTER_SECONDS:
            return  # the line was empty between, or the queue drains
        rate, through = self._between(before[-1], trip)
        long = next((each for each in before if each.sent_at > trip.sent_at - _LONG_SPAN_SECONDS), before[-1])
        passed = self._between(long, trip)[1]
        # what comes of far less than it carries says how fast others fill it
        has_room = self._is_theirs or rate < self.carries * FAR_LESS_SHARE < math.inf
        grows = through < rate * (FAR_LESS_SHARE if has_room else _FULL_SHARE)
        if self.is_stream:
            if grows:  # that loses nothing: it only shows how much the line carries
                self.fits(passed * _MARGIN_SHARE)
        elif self.state(now) is State.LOSING:
            return  # then losses tell
        elif grows:
            if self._is_ours(rate, now):
                self._is_theirs = False
                self._queues(rate, passed, now)
        elif now - max(self._stood_at, self._lossy_at) > _STANDING_SECONDS and not self._is_theirs:
            self._stood_at = now
            before_it = self._before
            is_as_long = (
                rate < before_it.rate * FAR_LESS_SHARE and self.trips.queue > before_it.value * _AS_LONG_SHARE
            )
            if is_as_long:
                self.carries = min(before_it.carries, max(self.most(now) or math.inf, self._least(now)))
            # it does not come from what we send: or nothing less could be sent
            is_not_needed = rate <= self._least(now) or (has_room and through >= rate * _FULL_SHARE)
            if is_as_long or is_not_needed or not self._is_ours(rate, now):
                self._is_theirs, self._before = True, _NOTHING
            else:
                self._queues(rate, passed * _MARGIN_SHARE, now)

    def _between(self, first: _Trip, last: _Trip) -> tuple[float, float]:
        """The rates at which packets left between two round trips, and came."""
        bits = self._rates.bits(first.sent_at, last.sent_at)
        return bits / (last.sent_at - first.sent_at), bits / (last.came_at - first.came_at)

    def _queues(self, rate: float, through: float, now: float) -> None:
        """A queue of ours grows, or stays."""
        if rate > self._before.rate * FAR_LESS_SHARE:
            self._before = _Before(rate, self.trips.queue, through)
        self._passes(self._exact(through, now), now)

    def _passes(self, through: float, now: float) -> None:
        """Take what came out of a line that was full all the while: it carries that, neither more nor less.

        But while a queue lasts it may have grown so long that packets were lost, and then less came.
        """
        is_lossy = now - self._lossy_at < EPISODE_SECONDS
        least = 0.0 if self._is_told or is_lossy or self.carries == math.inf else through
        self._full(through, now)
        self.carries = max(self.carries, least)
        self._is_told = True

    def _exact(self, through: float, now: float) -> float:
        """What comes through a full line is what a train measures, unless others have their share of it."""
        most = self.most(now, EPISODE_SECONDS)
        return most if most is not None and most * FITS_SHARE < through else through

    def _is_ours(self, rate: float, now: float) -> bool:
        """Whether a queue comes from what we send, at `rate`: or far more than that leaves it."""
        return rate > self._least_by_train(now, EPISODE_SECONDS) * FITS_SHARE

    @property
    def _short(self) -> float:
        """A queue so short is none, in seconds."""
        return _STREAM_QUEUE_SECONDS if self.is_stream else QUEUE_SECONDS

    @property
    def _queue(self) -> float:
        return 0.0 if self._is_theirs else self.trips.queue

    def report(self, lost: int, expected: int, since: float, rtt: float, now: float) -> None:
        """Take a report: packets lost, of how many, of which the first was sent at `since`.

        `rtt` is the round trip in seconds; 0: unknown.
        """
        self.reported_at = now
        queue = rtt - self.trips.shortest.take(rtt, now) if rtt > 0 else 0.0
        rate = self._rates.total(now, 1.0)
        is_lossy = certain(lost, expected) - self._losses.own > SOME_LOSS_SHARE
        if is_lossy:
            self._lossy_at = now
        if queue > LONG_QUEUE_SECONDS or is_lossy:
            self.tripped_at = now
        if since < self.less_since or (self.trips.queues and not self._is_theirs):
            return
        if lost / max(expected, 1) - self._losses.usual > MUCH_LOSS_SHARE:
            self.much_lost_at = now
        on_purpose = self.less_since >= self.sign_at
        if (carried := self._losses.reported(rate, lost, expected, on_purpose=on_purpose)) is not None:
            self.carries = max(self.carries, carried)
            return
        surely = max(self._losses.certain, certain(lost, expected) - self._losses.own)
        if surely > MUCH_LOSS_SHARE:
            self._losing(rate, self._losses.share - self._losses.own, surely, now)

    def lost(self, loss: Loss, now: float) -> None:
        """Take which share of a run of packets was lost."""
        self.tripped_at = self._lossy_at = now
        if loss.begin < self.less_since:
            return
        if loss.share - self._losses.usual > MUCH_LOSS_SHARE:
            self.much_lost_at = now
        if (surely := loss.certain - self._losses.own) > MUCH_LOSS_SHARE:
            # what waited for a pace was sent later than it came
            rate = max(self._rates.between(loss.begin, loss.end), self._rates.total(loss.end, _RUN_SECONDS))
            self._losing(rate, loss.share - self._losses.own, surely, now)

    def missed(self, now: float) -> None:
        """Take that the receiver misses packets: what left meanwhile is not what came."""
        self._lossy_at = now

    def train_came(
        self, rate: float, now: float, sent_at: float = -math.inf, least: float = math.inf
    ) -> None:
        """Take the rate that a train of packets has measured, which was sent at `sent_at`.

        A line may let a burst pass that it would not carry for long: so a train is the most that it carries.
        But where trains measured so many times what came while it was full, they do so later, too: when two
        of them measure far more, it carries as many times more. And what lost packets leave open, the next
        train decides, if it measures a rate.

        One that was read late says less: that it carries `least` at least. If the one before has said more at
        both ends, that stands. And where only the handshake has said what the line carries, the first exact
        train takes its place: who is busy with DTLS answers late.
        """
        self.trips.passed(sent_at)
        former, least = self.most(now), min(least, rate)
        lately, before = (self._least_by_train(now, each) for each in (_TRAIN_SECONDS, EPISODE_SECONDS))
        if least < before and rate > self._at_most:
            return
        self._at_most, self._at_least = rate, least
        self.trained_at, self.train_left_at = now, sent_at
        if self.sign_at == self._rates.began_at and least == rate < math.inf:
            self.carries, self.sign_at = max(self.carries, rate), -math.inf
        if sent_at >= self.sign_at:
            if self.lost_share is not None and now - self.sign_at < EPISODE_SECONDS:
                self.carries = max(self.carries, min(least, self._left_open(rate)))
            if self._above == math.inf > self.carries:
                # the line may have changed with the sign: of two lines the narrow one was full
                self._above = max(min(rate, self._at_most_then) / self.carries, 1.0)
        if self._opened(twice := min(least, before)):
            self.carries = twice / self._above
        sent = self._rates.total(now, 1.0)
        if rate < sent:
            is_tripped = now - self.tripped_at < _TRAIN_SECONDS
            self.tripped_at = now
            if rate < self.carries and (is_tripped or (former is not None and former < sent)):
                self._full(max(rate, lately), now)

    def _left_open(self, rate: float) -> float:
        """What the line may carry in spite of its losses, if a train of now measures `rate`.

        A policer lets any train pass at once. So one that measures no rate says no more than what was known
        before the losses; and nothing in the first moments, when nothing was.
        """
        if rate < math.inf:
            return self.may_carry
        was_known = self.sign_at - self._rates.began_at > _PROOF_SECONDS
        return min(self.may_carry, self._carried) if was_known else 0.0

    def _opened(self, rate: float) -> bool:
        """Whether a train that measures `rate` says that the line carries far more than is known."""
        return self._above < math.inf and rate / self._above > self.carries * _OPENED_TIMES

    def may_have_opened(self, now: float) -> bool:
        """Whether a train of now says so: a second one is to confirm it."""
        return self._opened(self._least_by_train(now, _TRAIN_SECONDS))

    def remb(self, bitrate: int, now: float) -> None:
        """Take the receiver's own estimate.

        It measures nothing while it grows. But a browser that finds a queue lets it fall to a share of what
        came in the last second.
        """
        former, self._remb = self._remb, float(bitrate)
        # behind a first long queue it says how much comes, and need not have fallen for that
        is_queued = self.carries == math.inf and self._queue > LONG_QUEUE_SECONDS
        if not is_queued and (former is None or bitrate >= former * FALL_SHARE):
            return
        self.tripped_at = now
        if self._least_by_train(now, EPISODE_SECONDS):
            return  # a train says more, unless all of it was read at once
        sound, pictures = self._rates.of(now - _NEWEST_SECONDS, 1.0)
        came = bitrate / _BACK_OFF_SHARE
        # otherwise it follows what comes, and says nothing of the line
        was_above = is_queued or (former or 0.0) > pictures > _TRICKLE_BITRATE
        if was_above and came < pictures * _FULL_SHARE and now - self.sign_at > _SETTLED_SECONDS:
            self._full(came + sound, now)

    def held_back(self, rate: float, now: float) -> None:
        """Take that packets wait for the line, which takes `rate`."""
        self._is_told = False  # that is measured anew each time, and TCP loses nothing
        self._passes(rate * _MARGIN_SHARE, now)

    def sends_less(self, now: float) -> None:
        """Take that less is sent from now on: losses of what was sent before tell nothing of that."""
        self.less_since = now

    def overflows(self, now: float) -> None:
        """Take that far more is sent than the latest train has measured: who comes fills a line at once."""
        self._full(self._at_most, now)

    def doubt(self) -> None:
        """Take the last sign for chance."""
        self.carries, self.lost_at, self.lost_share = self._carried, -math.inf, None

    def drained(self, now: float) -> None:
        """Take that the queue of the last sign is over. What a train has measured since is the line.

        But if packets were lost, or far less came out of the queue, others are on it, and that is our share.
        """
        if self.trained_at < self.sign_at:
            return
        is_share = self._is_told and self.carries < self._at_least * FITS_SHARE
        is_shared = is_share or now - self.lost_at < EPISODE_SECONDS
        least = 0.0 if is_shared else self._at_least
        self.carries = max(min(self.carries, self._at_most), least, self._least(now))

    def fits(self, rate: float) -> None:
        """Take that the line carries `rate`, which was sent, and came."""
        self.carries = max(self.carries, rate)

    def _losing(self, sent: float, share: float, surely: float, now: float) -> None:
        """So much of what was `sent` was lost, and `surely` so much by more than chance."""
        is_first, self.lost_at = now - self.lost_at > EPISODE_SECONDS, now
        if self.trips.shows_none(now):
            self.shallow_at = now
        self._losses.sign(sent, share, self.carries)
        self._full(sent * (1 - share) * _MARGIN_SHARE, now, lost=share)
        if is_first:
            self.may_carry = sent * (1 - surely)

    def _full(self, through: float, now: float, lost: float | None = None) -> None:
        self.signs += 1
        self._carried = self.carries
        self.sign_at = self.tripped_at = now
        self.lost_share, self._above = lost, math.inf
        self._at_most_then = self.most(now) or math.inf
        self.carries = max(min(self.carries, through), self._least(now))
        self.may_carry = through

    def _least(self, now: float) -> float:
        return self._rates.of(now, 1.0)[0] + LEAST_BITRATE

    # --- what it says

    def state(self, now: float) -> State:
        if now - self.lost_at < _SETTLED_SECONDS:
            return State.LOSING
        return State.QUEUE if self.is_queued else State.CLEAR

    def most(self, now: float, within: float = _TRAIN_SECONDS) -> float | None:
        """The most that the line carries, by a train; None: none came lately."""
        return self._at_most if now - self.trained_at < within else None

    def is_exact(self, now: float) -> bool:
        """Whether a train came lately, and was not read late."""
        return self.most(now) == self._at_least

    def _least_by_train(self, now: float, within: float) -> float:
        """The least that the line carries, by a train; 0: none came lately."""
        return self._at_least if now - self.trained_at < within else 0.0

    def queue(self, now: float) -> float:
        """The seconds that the line needs for what was sent after the last packet that surely came."""
        trips = self.trips
        carries = min(self.carries, self.most(now) or math.inf)
        waits = self._rates.bits(trips.passed_at, now) / carries
        if trips.is_fresh(now):
            return min(trips.queue, waits)
        return waits - trips.shortest_known if now - trips.passed_at < _TRAIN_SECONDS else 0.0

    @property
    def answers(self) -> bool:
        """Whether the receiver says by itself when the line is full: then it can be probed."""
        return self._remb is not None or self.trips.is_measured

    @property
    def is_shared(self) -> bool:
        """Whether others keep a queue in it."""
        return self._is_theirs

    @property
    def is_queued(self) -> bool:
        """Whether packets of ours wait for the line: what it loses is lost for that, and not by chance."""
        return self.trips.queues > 1 and self._queue > self._short

    def room(self, need: float, now: float) -> float:
        """The rate for retransmissions beside what needs `need` bit/s; infinite if the line is not full."""
        is_full = self._queue > self._short or self.state(now) is not State.CLEAR
        sent = self._rates.total(now, _LATELY_SECONDS)
        return max(self.carries - need, 0.0) if is_full and sent >= self.carries else math.inf
