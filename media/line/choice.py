"""Which rendition of the picture a viewer gets: the best one that its line carries, and sound before all.

A viewer goes down at once, straight to what fits, and up after a probe has shown that the line carries more.
A viewer that cannot be probed gets the next better rendition for a try. After each try that failed it waits
longer for the next one.
"""

import math
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from media.line.estimate import LineEstimate
from media.line.packet_train import NARROW
from media.line.probe import Probe
from media.line.round_trips import QUEUE_SECONDS
from media.line.rungs import fitting, is_slow, last_moving, lowest_layer, needed, next_better, top
from media.line.train_choice import MUCH, TrainChoice

UP_SECONDS = 1.0  # from one change upwards to the next
BACK_OFF_SECONDS = (1.5, 2.0, 2.5)  # until the next probe, after one failed probe, two, and more
VAIN_SECONDS = (60.0,)  # until the next probe, if the receiver did not react to the last one
TRY_SECONDS = (4.0, 8.0, 16.0, 30.0)  # until the next try, after one failed try, two, three, and more
CALM_SECONDS = 1.0  # from a sign of congestion to the next probe

_MORE = 1.1  # a probe aims at this multiple of what the best rung needs with its peaks
_ROOM = 1.08  # a rung is chosen if the line carries this multiple of its need, since a picture has peaks
_DENIED = 0.95  # a rung without room for retransmissions: the line carries this share of its need
_GRACE_SECONDS = 1.2  # for this long after a change upwards its keyframe may cause a sign of congestion
_LITTLE_AT_FIRST = 0.5  # during that time such a sign passes, if it leaves this share of what the rung needs
LEAST_PADDING = 30_000.0  # bit/s beside sound: a receiver cannot estimate a line from less
_KNOWN = 0.85  # a probe begins at this share of what is known to fit
_DRAINING = 0.85  # a picture that begins behind a queue gets this share of the line, so that the queue drains
# From one measurement of the round trip to the next: during a probe or a try; during a queue; otherwise.
_OFTEN_SECONDS, _QUEUED_SECONDS, _SELDOM_SECONDS = 0.1, 0.3, 1.0
_TRIED_SECONDS = 5.0  # a try without a sign of congestion for this long has succeeded

_HOPE_CLOSE = 0.97  # the line carries this share of the need: that is enough, without room to spare
# Worth a try: the line seems to carry this share of the need, and was sent this multiple of it.
_HOPE_LEAST, _HOPE_FAR_MORE = 0.35, 1.8
_HOPE_SECONDS = 4.0  # from one such try to the next

_DOUBT_LITTLE = 0.8  # a sign may pass if it leaves this share of what the rung needs
_DOUBT_FORGET = 0.15  # the count of signs that passed falls by this in a second
_DOUBT_MOST, _DOUBT_FEW = 3.5, 1.5  # so many signs are too many; if they are losses or a queue, so few
_DOUBT_LASTING = 2.5  # so many are too many on a rung that seems to fit: it has no room for retransmissions
HEAVY_LOSS = 0.25  # beyond this share of lost packets no picture is whole
_DOUBT_SPARE = 1.25  # lost packets can be sent again soon if the line carries this multiple of the need

# Keyframes alone, and a first picture, get this share of what sound leaves.
_PACE_ALONE, _PACE_BEGINNING = 0.9, 0.95
_PACE_WIDE = 4.0  # a line that carries this multiple of what the picture needs takes its keyframe at once
_PACE_MORE = 1.15  # a first picture gets at least this multiple of its need: it must reach the live edge


class Decision(NamedTuple):
    """`rung` is an index of the rungs (`media.line.rungs`).

    With `pause` the present picture stops at once, before the keyframe of the other one has come. `probe` is
    the bit rate that padding fills up to; 0: no padding. `pace` is the bit rate of keyframes alone; 0: there
    are none. `start` is the bit rate at which a picture begins, until it is live; 0: at once.
    """

    rung: int
    pause: bool
    probe: float
    pace: float
    start: float


class LayerChoice:
    """For one viewer. `now` is in seconds of a steady clock; `jitter` gives a number from 0 to 1."""

    def __init__(
        self,
        estimate: LineEstimate,
        now: float,
        *,
        can_probe: bool,
        can_train: bool = False,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._estimate = estimate
        self._can_probe = can_probe
        self._trains = TrainChoice(estimate, can_train=can_train)
        self._stands = False  # the viewer gets no moving picture, although the room has one
        self._jitter = jitter
        self._rung = 0
        self._probe: Probe | None = None
        self._failures = 0
        self._next_at = now
        self._up_at = now
        self._signs = 0  # signs of the estimate that were handled
        self._doubts = Doubts(now)
        self._grace_until = now
        self._hope = Hope(now)
        self._tried_at: float | None = None
        self._tried_from = 0
        self._is_limited = False  # the room has a better rung than the viewer gets

    def step(self, rungs: Sequence[float], present: int, now: float, *, is_broken: bool = False) -> Decision:
        """Decide anew; called ten times a second.

        `rungs` are what the renditions need, in bit/s with sound, best first. A rendition that is missing, or
        that the viewer does not want, needs infinitely much. The last two rungs are keyframes alone, at
        their slowest, and the sound alone. `present` is the rung that the viewer gets now; `is_broken` says
        that the viewer sees nothing of it until its next keyframe.
        """
        present, self._rung = min(present, len(rungs) - 1), min(self._rung, len(rungs) - 1)
        estimate = self._estimate
        if rungs[self._rung] == math.inf:
            self._rung = fitting(rungs, self._estimate.carries / _ROOM)
        if self._probe is not None:
            self._follow_probe(self._probe, now)
        if is_slow(rungs, self._rung):
            estimate.give_way(now)  # keyframes alone take all the room that there is, so a queue is a sign
        self._take_train(rungs, now)
        best = self._best(rungs, now)
        if self._tried_at is not None and (estimate.suspect or estimate.trips.queues > 1):
            self._give_up(rungs, now)
        elif estimate.signs != self._signs:
            self._signs = estimate.signs
            self._take_sign(rungs, now)
        elif now >= self._up_at and best < self._rung and not self._trains.is_urgent:
            self._rung, self._up_at = best, now + UP_SECONDS
            self._grace_until = now + _GRACE_SECONDS
        if is_broken and present < self._rung:
            self._rung = self._trains.pause(rungs, present, self._rung)
            self._up_at, self._next_at = now + UP_SECONDS, max(self._next_at, now + CALM_SECONDS)
        if self._tried_at is not None and now - self._tried_at >= _TRIED_SECONDS:
            self._tried_at, self._failures = None, 0
        ready = self._probe is None and present == self._rung and now >= self._next_at
        self._is_limited = self._rung > top(rungs)
        self._stands = self._rung > last_moving(rungs)
        if not self._is_limited:
            self._probe = None
        elif self._probe is not None:
            self._probe.aim(rungs[top(rungs)] * _ROOM, self._trains.most_probed(now))
        elif ready and not estimate.suspect and estimate.trips.queues < 2:
            self._look_up(rungs, now)
        return Decision(
            rung=self._rung,
            pause=present < self._rung and (is_broken or self._must_stop(rungs[present])),
            probe=self._padded(rungs, now),
            pace=self._pace(rungs),
            start=self._start(rungs, now),
        )

    @property
    def is_probing(self) -> bool:
        """Whether a probe is under way."""
        return self._probe is not None

    def join(self, now: float) -> None:
        """Take that the viewer comes: a train tells whether its line carries the first picture."""
        self._trains.join(now)

    def joins(self, now: float) -> bool:
        """Whether that train decides yet."""
        return self._trains.joins(now)

    def wants_train(self, now: float) -> bool:
        """Whether to send a train of packets, to measure what the line carries."""
        return self._trains.wants(now, watches=self._stands or self._probe is not None)

    @property
    def is_urgent(self) -> bool:
        """Whether the viewer has no picture until a train has been answered."""
        return self._trains.is_urgent

    def allow_trains(self, *, can_train: bool) -> None:
        """Set whether trains measure anything: the receiver reports them, and they do not go over TCP."""
        self._trains.can_train = can_train

    def ask_train(self) -> None:
        """Want another train: the last one measured nothing."""
        self._trains.ask()

    def train_left(self, now: float) -> None:
        """Take that a train was sent."""
        self._trains.sent(now)

    @property
    def measure_seconds(self) -> float:
        """The time from one measurement of the round trip to the next; infinite: none is wanted.

        The shortest round trip must be known before a queue grows.
        """
        trips = self._estimate.trips
        # on a narrower line the requests themselves would make a queue
        is_exact = self._trains.can_train and self._estimate.carries > NARROW
        is_full = not self._stands and (trips.queues > 0 or self._estimate.congested)
        looks_closely = is_exact and (is_full or self._trains.is_urgent)
        if self._probe is not None or self._tried_at is not None or looks_closely:
            return _OFTEN_SECONDS
        if trips.queues or (is_exact and self._is_limited):
            return _QUEUED_SECONDS
        return _SELDOM_SECONDS if self._is_limited else math.inf

    def _padded(self, rungs: Sequence[float], now: float) -> float:
        """The bit rate that padding fills up to: a probe's, or little to keep a receiver estimating."""
        if self._probe is not None and self._probe.level:
            return self._probe.level
        slow_or_less = self._rung == len(rungs) - 1 or is_slow(rungs, self._rung)
        if self._probes and self._is_limited and slow_or_less:
            return rungs[-1]
        return 0.0

    @property
    def _probes(self) -> bool:
        """Whether probes are possible. A browser estimates after 5 s; until then round trips show queues."""
        return self._can_probe and (self._estimate.has_remb or self._estimate.trips.is_measured)

    def _best(self, rungs: Sequence[float], now: float) -> int:
        """The best rung that seems to fit. It is better than the present one only if no train denies that."""
        best = fitting(rungs, self._estimate.carries / _ROOM)
        return best if best >= self._rung else max(best, fitting(rungs, self._trains.most(now)))

    def _pace(self, rungs: Sequence[float]) -> float:
        if not is_slow(rungs, self._rung):
            return 0.0
        return pace_of_keyframes(
            rungs, self._estimate.carries, 0.0 if self._probe is None else self._probe.level
        )

    def _start(self, rungs: Sequence[float], now: float) -> float:
        estimate = self._estimate
        carries = min(estimate.carries, estimate.capacity(now) or math.inf)
        is_full = estimate.trips.queues > 1 and estimate.queue(carries, now) > QUEUE_SECONDS
        return pace_of_beginning(rungs, self._rung, carries * (_DRAINING if is_full else 1.0))

    # --- down

    def _must_stop(self, need: float) -> bool:
        """Whether the present picture must stop, because it needs far more than the line carries.

        A picture that the viewer does not want any more needs infinitely much: then a sign decides.
        """
        if need == math.inf:
            return self._estimate.congested
        return need > self._estimate.carries * MUCH

    def _take_sign(self, rungs: Sequence[float], now: float) -> None:
        self._next_at = max(self._next_at, now + CALM_SECONDS)
        need, estimate = needed(rungs, self._rung), self._estimate
        if self._passes(rungs, need, now):
            self._trains.ask()
            return
        self._doubts.clear()
        self._grace_until = now
        if need <= estimate.carries:  # the picture fits, but leaves no room for retransmissions
            estimate.deny(need * _DENIED)
        carries = estimate.carries
        fits = fitting(rungs, carries)
        last = last_moving(rungs)
        if self._rung < last < fits and self._hope(rungs[last], estimate.carries, rungs[self._rung], now):
            fits = last
            estimate.hope(rungs[last])
        self._up_at = now + UP_SECONDS
        if fits > last:
            self._trains.fell(now)
        if fits > self._rung:
            stops = self._must_stop(rungs[self._rung])
            self._rung = self._trains.pause(rungs, self._rung, fits) if stops else fits

    def _passes(self, rungs: Sequence[float], need: float, now: float) -> bool:
        """Whether to stay on the present rung, in spite of a sign of congestion."""
        estimate = self._estimate
        if self._trains.vouches(need, now):
            if self._rung >= last_moving(rungs):
                return True  # a keyframe was the burst; and the next rung has no moving picture
            if self._rung == lowest_layer(rungs) > top(rungs):
                estimate.hope(need)  # the next rung has hardly a moving picture
        is_enough = need <= estimate.carries
        if now < self._grace_until and need * _LITTLE_AT_FIRST <= estimate.carries:
            return True
        if is_enough and estimate.lost_share is None:
            return True
        if is_slow(rungs, self._rung):  # a receiver that gets so little estimates nonsense
            return is_enough or not (estimate.suspect or estimate.trips.queues)
        return self._doubts.pass_over(estimate, need, now, has_less=self._rung < last_moving(rungs))

    # --- up

    def _take_train(self, rungs: Sequence[float], now: float) -> None:
        rung = self._trains.take(rungs, self._rung, now)
        if rung != self._rung:
            if rung < self._rung:
                self._grace_until = now + _GRACE_SECONDS
            self._rung, self._probe, self._up_at = rung, None, now + UP_SECONDS

    def _look_up(self, rungs: Sequence[float], now: float) -> None:
        estimate = self._estimate
        if self._probes:
            if self._trains.most(now) < rungs[next_better(rungs, self._rung)]:
                return
            most = rungs[top(rungs)]
            known = min(estimate.carries, most) * _KNOWN
            start = max(rungs[self._rung], known, rungs[-1] + LEAST_PADDING)
            self._probe = Probe(start, most * _ROOM * _MORE, now)
        elif now >= self._up_at and self._tried_at is None:
            self._tried_from = self._rung
            self._rung = next_better(rungs, self._rung)
            self._tried_at = now
            self._up_at = now + _TRIED_SECONDS

    def _give_up(self, rungs: Sequence[float], now: float) -> None:
        self._rung = min(self._tried_from, len(rungs) - 1)
        self._tried_at, self._signs = None, self._estimate.signs
        self._fail(TRY_SECONDS, now)

    def _follow_probe(self, probe: Probe, now: float) -> None:
        estimate = self._estimate
        if probe.is_in_vain(now):
            self._probe = None
            self._fail(VAIN_SECONDS, now)
        elif estimate.signs != self._signs or estimate.stalls:
            self._probe = None
            if estimate.signs == self._signs and not estimate.suspect:
                self._failures = 0  # the REMB only stopped growing: probe again soon
            self._fail(BACK_OFF_SECONDS, now)
        else:
            if estimate.trips.queues:
                probe.rest(now)
            else:
                probe.rise(estimate.vouched_at, now)
            estimate.fits(probe.held(estimate.vouched_at))
            if probe.is_over(estimate.vouched_at):
                self._probe, self._failures = None, 0

    def _fail(self, waits: Sequence[float], now: float) -> None:
        wait = waits[min(self._failures, len(waits) - 1)]
        self._failures += 1
        # at random, so that viewers behind one line do not probe together
        self._next_at = now + wait * (0.8 + 0.2 * self._jitter())


class Hope:
    """Whether to go on with the lowest moving picture, although the line seems to carry less than it needs.

    For one viewer. `now` is in seconds of a steady clock, rates are in bit/s.
    """

    __slots__ = ("_from",)

    def __init__(self, now: float) -> None:
        self._from = now

    def __call__(self, need: float, carries: float, sent: float, now: float) -> bool:
        """Whether to try a picture that needs `need`: the line was sent `sent`, and seems to carry `carries`.

        When far more is sent than the line carries, the share that arrives is a poor measure.
        """
        if need * _HOPE_CLOSE <= carries:
            return True
        if need * _HOPE_LEAST > carries or sent < need * _HOPE_FAR_MORE or now < self._from:
            return False
        self._from = now + _HOPE_SECONDS
        return True


class Doubts:
    """Whether to stay on a rung in spite of a sign of congestion: counts the signs for one viewer.

    `now` is in seconds of a steady clock.
    """

    __slots__ = ("_at", "_signs")

    def __init__(self, now: float) -> None:
        self._signs = 0.0  # signs that passed; older ones count less
        self._at = now

    def clear(self) -> None:
        """Begin anew: the viewer goes to another rung."""
        self._signs = 0.0

    def pass_over(self, estimate: LineEstimate, need: float, now: float, *, has_less: bool) -> bool:
        """Whether to stay on a rung that needs `need` bit/s. `has_less`: a lower rung moves, too."""
        self._signs = max(0.0, self._signs - (now - self._at) * _DOUBT_FORGET) + 1
        self._at = now
        lost = estimate.lost_share
        if has_less and (lost or 0.0) > HEAVY_LOSS and need * _DOUBT_SPARE > estimate.carries:
            return False
        if need <= estimate.carries:
            return self._signs < _DOUBT_LASTING
        # a fall of REMB may be chance, or another viewer's probe
        most = _DOUBT_MOST if lost is None and not estimate.suspect else _DOUBT_FEW
        return need * _DOUBT_LITTLE <= estimate.carries and self._signs < most


# --- how fast pictures are sent that do not keep the pace of their stream; rates are without sound


def pace_of_keyframes(rungs: Sequence[float], carries: float, probed: float) -> float:
    """The rate of keyframes alone. They take the place of padding up to `probed`, with sound; 0: no probe."""
    sound = rungs[-1]
    return max(rungs[-2] - sound, (carries - sound) * _PACE_ALONE, probed - sound)


def pace_of_beginning(rungs: Sequence[float], rung: int, carries: float) -> float:
    """The rate of a keyframe and what follows it, until the viewer is live; 0: at once.

    A keyframe that is sent at once fills the queue of a narrow line, which then drops a part of it.
    """
    if rungs[rung] == math.inf or carries > rungs[rung] * _PACE_WIDE:
        return 0.0
    return max((carries - rungs[-1]) * _PACE_BEGINNING, (rungs[rung] - rungs[-1]) * _PACE_MORE)
