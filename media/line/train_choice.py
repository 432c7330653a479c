"""Which rendition a viewer gets by trains of packets, where its receiver reports when they arrive.

A train measures within a round trip what the line carries at this moment. So it decides which picture follows
one that had to stop, and it keeps the viewer from trying a picture that does not fit. A receiver that does
not report is treated as if there were no trains.
"""

import math
from collections.abc import Sequence

from media.line.estimate import LineEstimate
from media.line.rungs import fitting, last_moving, lowest_layer

# Shares of the rate that a train has measured:
FITS = 0.85  # a picture that needs this much fits, with its bursts
_SURE = 0.9  # the lowest moving picture may need this much
_SURELY = 0.75  # a layer above the lowest one may need this much after a pause: its keyframes are bursts
_FULL = 0.95  # a picture that needs more than this lets a queue grow
_MOST = 0.97  # a probe goes no further
_ROOM = 1.08  # the lowest moving picture needs this multiple of its mean at times
MUCH = 1.1  # a picture that needs this multiple of what the line carries stops at once
_FAR = 0.75  # less than this share of what a picture needs, while there is a queue, is no chance
_JOIN_SECONDS = 1.0  # after a join a single low measurement decides: a long queue grows within this time
_LASTING = 3  # after so many round trips with a queue, a third of a second, the queue lasts
_ANSWER_SECONDS = 0.7  # a train is answered within this time, also behind a queue of 0.3 s
_AGAIN_SECONDS = 1.0  # two trains within this time count as one
_UNANSWERED_SECONDS = 5.0  # after this time without an answer another train is sent
_LONG_QUEUE_SECONDS = 0.12  # behind a longer queue, packets of a keyframe are dropped
_OLD_SECONDS = 1.0  # an older measurement is from before this pause
_DRAIN_SECONDS = 0.5  # such a queue drains within this time, if only sound is sent
_WRONG_SECONDS = 3.0  # a train was wrong if a sign of congestion comes within this time
_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds without belief, after one wrong train, two, and more
_FORGIVEN_SECONDS = 30.0  # after this time wrong trains are forgotten


class TrainChoice:
    """For one viewer. `can_train` may change: over TCP a train arrives in one piece, and measures nothing.

    `now` is in seconds of a steady clock; rungs are as in `media.line.rungs`.
    """

    def __init__(self, estimate: LineEstimate, *, can_train: bool) -> None:
        self._estimate = estimate
        self.can_train = can_train
        self._joined_at = -math.inf
        self._believes = Belief()
        self._asked_at = -math.inf
        self._asks = False
        self._low_at = -math.inf  # when a train showed that the present picture does not fit
        # during a pause: the rung before it, and the rung to go to if no train is answered
        self._left: tuple[int, int] | None = None
        self._needed: Sequence[float] = ()  # what the rungs needed when the pause began
        self._told: float | None = None  # the rate that a train has measured during the pause
        self._told_at = -math.inf

    def wants(self, now: float, *, watches: bool) -> bool:
        """Whether to send a train: one was asked for, or the caller `watches` a line without a queue."""
        if not self.can_train:
            return False
        estimate = self._estimate
        if self._told is not None:
            return False  # the pause goes on only until the queue has drained
        if self._asks or self.is_urgent or estimate.trips.queues > 1:
            return True
        if (estimate.trips.queues or estimate.suspect) and estimate.capacity(now) is None:
            return True
        return watches and estimate.is_empty(now)

    def join(self, now: float) -> None:
        """Want a train before the first picture: nothing is known of the line."""
        self._joined_at, self._asks = now, True

    def joins(self, now: float) -> bool:
        """Whether the viewer has come so lately that its pictures have not filled the line yet."""
        return self.can_train and now - self._joined_at < _JOIN_SECONDS

    @property
    def is_urgent(self) -> bool:
        """Whether the viewer has no picture until a train has been answered."""
        return self._left is not None

    def ask(self) -> None:
        """Want a train: a sign of congestion passed, or the last train measured nothing."""
        self._asks = True

    def sent(self, now: float) -> None:
        """Take that a train was sent."""
        if self._asks:
            self._asks = False
            self._asked_at = now if self._left is None else min(self._asked_at, now)

    # --- down

    def pause(self, rungs: Sequence[float], rung: int, fits: int) -> int:
        """Begin a pause: the picture of `rung` must stop, `fits` seems to fit. Returns the rung meanwhile."""
        last = last_moving(rungs)
        if not self.can_train or fits > last or last == len(rungs):
            return fits  # a train would only lengthen the queue of so narrow a line
        self._needed, self._told = tuple(rungs), None
        self._left, self._asks, self._asked_at = (rung, fits), True, math.inf
        return len(rungs) - 1

    def vouches(self, need: float, now: float) -> bool:
        """Whether a train has just measured that the line carries `need`."""
        capacity = self._estimate.capacity(now) if self.can_train else None
        return capacity is not None and capacity * _SURE >= need

    def fell(self, now: float) -> None:
        """A sign of congestion has cost the viewer its moving picture."""
        self._believes.doubt(now)

    # --- what a train has measured

    def take(self, rungs: Sequence[float], rung: int, now: float) -> int:
        """The rung to go to, by the train that was answered since the last call, if there is one."""
        rate = self._estimate.take_train(now)
        if self._left is not None:
            return self._settle(rungs, rung, rate, now)
        if rate is None:
            return rung
        last = last_moving(rungs)
        if rung > last:
            return self._rise(rungs, rung, last, rate, now)
        estimate = self._estimate
        joins = self.joins(now)
        if rate * (FITS if estimate.trips.queues > _LASTING else _FULL) >= rungs[rung]:
            if joins:
                estimate.forget_train()  # the pictures come only now: it does not vouch for them
            return rung  # it fits; with a queue that lasts, it must fit with its bursts
        is_far = rate < rungs[rung] * _FAR and estimate.trips.queues
        is_full = estimate.trips.queues > 1 or is_far or estimate.congested or estimate.suspect
        is_full |= joins  # whoever waits for a second one has filled the line
        if not is_full and now - self._low_at > _AGAIN_SECONDS:
            self._low_at, self._asks = now, True  # a single low measurement may be chance
            return rung
        estimate.measured(rate * _FULL)
        lower = max(rung, fitting(rungs, rate * FITS))
        if rungs[rung] > rate * _FULL * MUCH and estimate.queue(rate, now) > _LONG_QUEUE_SECONDS:
            return self.pause(rungs, rung, lower)  # the lower picture must not begin behind this queue
        return lower

    def _settle(self, rungs: Sequence[float], rung: int, rate: float | None, now: float) -> int:
        """The rung to go to during a pause, by the `rate` that a train has measured; None: nothing new."""
        assert self._left is not None
        left, fits = self._left
        if rate is not None:
            self._told_at = now if self._told is None else self._told_at
            self._told = rate
        elif now - self._told_at > _OLD_SECONDS:
            self._told = None
        rate = self._told
        if not self._is_late(now) if rate is None else self._must_drain(now):
            return rung
        self._left = self._told = None
        now_fits = fitting(rungs, self._estimate.carries)  # more signs may have come during the pause
        fits = now_fits if rungs[fits] == math.inf else max(fits, now_fits)
        if rate is None:
            return fits
        self._believes.begin(now)
        found = self._found(self._before(rungs), rate)
        if (
            found <= left
        ):  # the train contradicts the sign, which others on the line may have caused: trust the sign
            return fits
        self._estimate.measured(rate * _FULL)
        return found

    def _must_drain(self, now: float) -> bool:
        """Whether to wait until the queue has drained: a picture that begins behind it loses packets."""
        if self._told is None or now - self._told_at >= _DRAIN_SECONDS:
            return False
        return self._estimate.queue(self._told, now) > _LONG_QUEUE_SECONDS

    def _before(self, rungs: Sequence[float]) -> Sequence[float]:
        """What the rungs needed when the pause began. The keyframe that was asked for then does not count."""
        if len(self._needed) != len(rungs):
            return rungs  # another publisher has come
        both = zip(self._needed, rungs, strict=True)
        return [then if then < need < math.inf else need for then, need in both]

    def _found(self, rungs: Sequence[float], rate: float) -> int:
        """The best rung whose keyframes fit a line of that rate; the lowest moving one, if only that fits."""
        last = last_moving(rungs)
        found = max(fitting(rungs, rate * FITS), min(fitting(rungs, rate * _SURELY), lowest_layer(rungs)))
        return last if found > last and last < len(rungs) and rungs[last] <= rate * _SURE else found

    def _rise(self, rungs: Sequence[float], rung: int, last: int, rate: float, now: float) -> int:
        """The rung for a viewer without a moving picture: the lowest moving one, if the line carries it."""
        if not self._believes(now):
            return rung
        if last == len(rungs) or rate * _SURE < rungs[last]:
            self._estimate.measured(rate * _SURE)
            return rung
        self._believes.begin(now)
        self._estimate.measured(min(rate * _FULL, rungs[last] * _ROOM))  # a probe shows if there is more
        return last

    # --- up

    def most(self, now: float) -> float:
        """The most that a better rung may need, in bit/s; 0: wait for a train first."""
        if not self.can_train:
            return math.inf
        if (capacity := self._estimate.capacity(now)) is not None:
            return capacity * FITS
        if self._asks:
            return 0.0
        if self._asked_at > self._estimate.trained_at:
            if now - self._asked_at < _ANSWER_SECONDS:
                return 0.0
            if now - self._asked_at < _UNANSWERED_SECONDS:
                return math.inf
        self._asks = True
        return 0.0

    def most_probed(self, now: float) -> float:
        """The rate that a probe may reach, in bit/s."""
        capacity = self._estimate.capacity(now) if self.can_train else None
        return math.inf if capacity is None else capacity * _MOST

    def _is_late(self, now: float) -> bool:
        return not self.can_train or (not self._asks and now - self._asked_at > _ANSWER_SECONDS)


class Belief:
    """Whether to act on what a train has measured: not soon after a train that was wrong.

    A line that lets bursts pass, or that others use, too, carries less than a train measures. `now` is in
    seconds of a steady clock.
    """

    __slots__ = ("_at", "_from", "_wrong")

    def __init__(self) -> None:
        self._at = self._from = -math.inf  # when the last train was believed; when the next one may be
        self._wrong = 0

    def __call__(self, now: float) -> bool:
        return now >= self._from

    def begin(self, now: float) -> None:
        """Take that a train was believed."""
        if now - max(self._at, self._from) > _FORGIVEN_SECONDS:
            self._wrong = 0
        self._at = now

    def doubt(self, now: float) -> None:
        """Take that the line did not carry what a train had measured."""
        if now - self._at < _WRONG_SECONDS:
            self._from = now + _WAITS[min(self._wrong, len(_WAITS) - 1)]
            self._wrong += 1
