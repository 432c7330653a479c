"""Which rendition a viewer gets by what trains of packets tell, where its receiver says when they come.

A train tells within a round trip what the line carries at this moment, so it decides when the picture had to
stop, and no better one is tried that a train says does not fit. For a receiver that does not answer, nothing
changes.
"""

import math
from collections.abc import Sequence

from media.line.belief import Belief
from media.line.estimate import LineEstimate
from media.line.rungs import fitting, last_moving, lowest_layer

FITS = 0.85  # of how fast a train comes: that a picture may need, with its bursts
_SURE = 0.9  # for the last moving picture
_SURELY = 0.75  # for a layer above the lowest one, after a pause: its keyframes are bursts
_ROOM = 1.08  # for what the last one needs at times
MUCH = 1.1  # a picture that needs this multiple of what the line carries stops at once
_FULL = 0.95  # a picture that needs more than that fills the queue that there is
_FAR = 0.75  # of what a picture needs: where there is a queue, too, that is no chance
_LASTING = 3  # round trips in a queue, a third of a second
_MOST = 0.97  # so far a probe goes
_ANSWER_SECONDS = 0.7  # behind a queue of 0.3 s
_AGAIN_SECONDS = 1.0  # two trains so close say the same
_UNANSWERED_SECONDS = 5.0  # then it is asked again
_LONG_QUEUE_SECONDS = 0.12  # behind a longer one a keyframe is dropped, in part
_OLD_SECONDS = 1.0  # by then what a train told is not of this pause
_DRAIN_SECONDS = 0.5  # in which such a queue drains, if only sound is sent


class TrainChoice:
    """For one viewer. `can_train` may change: over TCP packets of a train come at once, whatever the line is.

    `now` is in seconds of a steady clock; rungs are as in `media.line.rungs`.
    """

    def __init__(self, estimate: LineEstimate, *, can_train: bool) -> None:
        self._estimate = estimate
        self.can_train = can_train
        self._believes = Belief()
        self._asked_at = -math.inf
        self._asks = False
        self._low_at = -math.inf  # when a train said that the picture does not fit
        self._left: tuple[int, int] | None = None  # the rung before a pause, and the one without an answer
        self._needed: Sequence[float] = ()  # what the rungs needed then
        self._told: float | None = None  # since then, by a train
        self._told_at = -math.inf

    def wants(self, now: float, *, watches: bool) -> bool:
        """Whether to send one: if it is asked for, or if it `watches` a line that has room for it."""
        if not self.can_train:
            return False
        estimate = self._estimate
        if self._told is not None:
            return False  # the queue is to drain
        if self._asks or self.is_urgent or estimate.trips.queues > 1:
            return True
        if (estimate.trips.queues or estimate.suspect) and estimate.capacity(now) is None:
            return True
        return watches and estimate.is_empty(now)

    @property
    def is_urgent(self) -> bool:
        """Whether the viewer gets no picture until one is answered."""
        return self._left is not None

    def ask(self) -> None:
        """Want one: something may be wrong."""
        self._asks = True

    def sent(self, now: float) -> None:
        """One has left."""
        if self._asks:
            self._asks = False
            self._asked_at = now if self._left is None else min(self._asked_at, now)

    # --- down

    def pause(self, rungs: Sequence[float], rung: int, fits: int) -> int:
        """The picture of `rung` must stop, and `fits` seems to fit: what to show until a train tells."""
        last = last_moving(rungs)
        if not self.can_train or fits > last or last == len(rungs):
            return fits  # a line with so little room is left in peace until its queue is empty
        self._needed, self._told = tuple(rungs), None
        self._left, self._asks, self._asked_at = (rung, fits), True, math.inf
        return len(rungs) - 1

    def vouches(self, need: float, now: float) -> bool:
        """Whether a train has just told that the line carries `need`."""
        capacity = self._estimate.capacity(now) if self.can_train else None
        return capacity is not None and capacity * _SURE >= need

    def fell(self, now: float) -> None:
        """A sign of congestion has cost the viewer its moving picture."""
        self._believes.doubt(now)

    # --- what a train tells

    def take(self, rungs: Sequence[float], rung: int, now: float) -> int:
        """The rung to go to, by the train that has come, if one has."""
        rate = self._estimate.take_train(now)
        if self._left is not None:
            return self._settle(rungs, rung, rate, now)
        if rate is None:
            return rung
        last = last_moving(rungs)
        if rung > last:
            return self._rise(rungs, rung, last, rate, now)
        estimate = self._estimate
        if rate * (FITS if estimate.trips.queues > _LASTING else _FULL) >= rungs[rung]:
            return rung  # but what fills the line for so long has no room for its bursts
        is_far = rate < rungs[rung] * _FAR and estimate.trips.queues
        is_full = estimate.trips.queues > 1 or is_far or estimate.congested or estimate.suspect
        if not is_full and now - self._low_at > _AGAIN_SECONDS:
            self._low_at, self._asks = now, True  # one alone may be chance
            return rung
        estimate.measured(rate * _FULL)
        lower = max(rung, fitting(rungs, rate * FITS))
        if rungs[rung] > rate * _FULL * MUCH and estimate.queue(rate, now) > _LONG_QUEUE_SECONDS:
            return self.pause(rungs, rung, lower)  # it would begin behind what the present one has left there
        return lower

    def _settle(self, rungs: Sequence[float], rung: int, rate: float | None, now: float) -> int:
        """After a pause."""
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
        now_fits = fitting(rungs, self._estimate.carries)  # there may have been more signs
        fits = now_fits if rungs[fits] == math.inf else max(fits, now_fits)
        if rate is None:
            return fits
        self._believes.begin(now)
        found = self._found(self._before(rungs), rate)
        if found <= left:  # not the line alone is full: the sign stands
            return fits
        self._estimate.measured(rate * _FULL)
        return found

    def _must_drain(self, now: float) -> bool:
        """Whether to wait for the queue: a picture that begins behind it is late, and loses packets."""
        if self._told is None or now - self._told_at >= _DRAIN_SECONDS:
            return False
        return self._estimate.queue(self._told, now) > _LONG_QUEUE_SECONDS

    def _before(self, rungs: Sequence[float]) -> Sequence[float]:
        """What the rungs needed when the picture stopped: the keyframe that was asked for then is no need."""
        if len(self._needed) != len(rungs):
            return rungs  # of another publisher
        both = zip(self._needed, rungs, strict=True)
        return [then if then < need < math.inf else need for then, need in both]

    def _found(self, rungs: Sequence[float], rate: float) -> int:
        """The best rung whose keyframes pass a line of that rate; rather than none that moves, the last."""
        last = last_moving(rungs)
        found = max(fitting(rungs, rate * FITS), min(fitting(rungs, rate * _SURELY), lowest_layer(rungs)))
        return last if found > last and last < len(rungs) and rungs[last] <= rate * _SURE else found

    def _rise(self, rungs: Sequence[float], rung: int, last: int, rate: float, now: float) -> int:
        """Show a picture that moves, if the line carries one; or as many keyframes as it does."""
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
        """What a better rung may need, in bit/s; 0: not before a train has come."""
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
        """How far a probe may go, in bit/s."""
        capacity = self._estimate.capacity(now) if self.can_train else None
        return math.inf if capacity is None else capacity * _MOST

    def _is_late(self, now: float) -> bool:
        return not self.can_train or (not self._asks and now - self._asked_at > _ANSWER_SECONDS)
