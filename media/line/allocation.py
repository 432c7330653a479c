"""What a viewer gets of the picture: the best that its line carries, and sound before all.

A viewer is in one of four states. Each step takes the first row that holds:

| state | when | then | what it does |
|---|---|---|---|
| DRAINING | the queue is short, or `_LONGEST_DRAIN_SECONDS` are over | STEADY | takes what fits |
| any other | the line is full, and carries less than the rung needs | DRAINING | stops for a while |
| any other | the same, and there is no long queue | STEADY | takes what fits |
| PROBING | the line is full, or loses a tenth more than before | STEADY | waits for the next probe |
| PROBING | what the goal needs has come for `HELD_SECONDS` | TRYING | takes what fits |
| TRYING | nothing happened for `_TRIED_SECONDS` | STEADY | forgets what failed |
| STEADY, TRYING | the line is known to carry a better rung | TRYING | takes it |
| STEADY, TRYING | the line was clear, and the wait since the last sign is over | PROBING | pads |

Who cannot be probed gets the next better rung for a try instead. A try that fails, and a probe by which
packets were lost, make the next wait longer.
"""

import math
import random
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import NamedTuple

from media.line.estimate import EPISODE_SECONDS, FITS_SHARE, LONG_QUEUE_SECONDS, LineEstimate, State
from media.line.packet_train import NARROW
from media.line.rungs import fitting, is_slow, last_moving, needed, next_better, top

# Shares of what the line carries that a rung may need (FITS_SHARE, in general)
_SURELY_SHARE = 0.8  # a better rung, that is taken without a probe
_SURE_SHARE = 0.95  # the lowest moving one, and a present one without a queue
_LAST_SHARE = 1.1  # while the lowest moving one goes on: no measure is exact, and what follows stands still
_SLOW_SHARE = 0.9  # the same of keyframes alone, which go on and on

# How many times what
_PACE_TIMES = 1.15  # what they need, at least: pictures that leave at a pace must not fall behind
_WIDE_TIMES = 4.0  # what a picture needs: such a line takes it at once

# Down
_NEARLY_SHARE = 0.8  # the first loss of an episode which leaves so much may be chance
_LONGEST_DRAIN_SECONDS = 1.5  # a picture that stands for longer is worse than the queue
_BEGIN_SECONDS = 1.0  # so long a picture that begins leaves at a pace: publishers pace keyframes themselves

# Up
_WAIT_SECONDS = (1.0, 4.0, 8.0, 16.0, 32.0)  # from a sign to the next probe, by how many tries have failed
_QUEUED_WAIT_SECONDS = (1.0, 2.0, 4.0)  # after probes that have only shown that the line is full
_STILL_WAIT_SECONDS = (1.0, 2.0)  # the same while nothing moves: there is more to gain, and less to lose
LEAST_PADDING_BITRATE = 30_000.0  # beside sound: less says nothing of a line
# Of a probe, until it sends so many times what is known, and then: what it sends too much until a queue
# shows, in 0.3 s, must not fill that.
_NEAR_DOUBLINGS_PER_SECOND, _NEAR_TIMES, _DOUBLINGS_PER_SECOND = 0.7, 1.3, 2.0
HELD_SECONDS = 0.5  # a rate fits that was sent for so long, and a round trip: a queue of 0.1 s would show
_LONGEST_PROBE_SECONDS = 8.0
_UP_SECONDS, _TRIED_SECONDS = 1.0, 3.0  # of a try without a sign: the next one may begin; it has succeeded
_LONG_AGO_SECONDS = 5.0  # a train of before is forgotten

# What it wants to know
_JOIN_SECONDS = 1.0  # after a join, or what may be a sign, nothing is known
_ANSWER_SECONDS = 0.7  # within which a train is answered mostly
_UNHEARD_SECONDS = 2.0  # who answers no train for so long tells of none, if it told of none before
_OFTEN_SECONDS, _SELDOM_SECONDS = 0.1, 1.0  # from one measurement of the round trip to the next
# what was seen of a line holds for so long: a sign (it is looked at seldom), and that trains are told of
_WARY_SECONDS = 20.0
_MOST_ELAPSED_SECONDS = 0.2  # from one step to the next: what was longer is not made up for


class Phase(Enum):
    STEADY = auto()
    PROBING = auto()
    TRYING = auto()
    DRAINING = auto()


class Decision(NamedTuple):
    """`rung` is an index of the rungs (`media.line.rungs`).

    With `pause` the present picture stops at once, before the keyframe of the other one has come. `probe` is
    the bit rate that padding fills up to; 0: no padding. `pace` is the bit rate of keyframes alone; 0: there
    are none. `picture_pace` is the bit rate at which pictures leave; 0: each one at once.
    """

    rung: int
    pause: bool
    probe: float
    pace: float
    picture_pace: float


class Allocation:
    """For one viewer. `now` is in seconds of a steady clock; `jitter` gives a number from 0 to 1."""

    def __init__(
        self,
        estimate: LineEstimate,
        now: float,
        *,
        can_probe: bool,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._estimate = estimate
        self._can_probe = can_probe
        self.can_train = False
        self._jitter = jitter
        self._phase = Phase.STEADY
        self._since = now  # of the phase
        self._began_at = now
        self._rung = 0
        self._signs = 0  # of the estimate that were seen
        self._failures = self._vain = 0  # tries that cost something, and probes that did not
        self._level = self._goal = 0.0  # of a probe, in bit/s
        self._doubted_at = -math.inf  # when the last sign of a full line came in a steady state
        self._known = 0.0  # what the line carried before it
        self._held_since = math.inf  # since when it has reached what it is for
        self._stepped_at = self._changes_at = now
        self._next_at = now
        self._is_limited = self._is_still = False
        self._asks = True  # for a train: nothing is known yet
        self._unanswered_since = math.inf  # when the first train left of which nothing was heard

    def step(self, rungs: Sequence[float], present: int, now: float, *, is_broken: bool = False) -> Decision:
        """Decide anew; called ten times a second.

        `rungs` are what the renditions need, in bit/s with sound, best first. A rendition that is missing, or
        that the viewer does not want, needs infinitely much. The last two rungs are keyframes alone, at
        their slowest, and the sound alone. `present` is the rung that the viewer gets now; `is_broken` says
        that the viewer sees nothing of it until its next keyframe.
        """
        estimate = self._estimate
        estimate.trips.tick(now)
        elapsed, self._stepped_at = min(now - self._stepped_at, _MOST_ELAPSED_SECONDS), now
        present, self._rung = min(present, len(rungs) - 1), min(self._rung, len(rungs) - 1)
        if rungs[self._rung] == math.inf:
            self._rung = self._fitting(rungs)
        if self._phase is Phase.PROBING and self._rung <= top(rungs):
            self._enter(Phase.STEADY, now)  # the viewer wants no more
        is_full, self._signs = estimate.signs != self._signs, estimate.signs
        if is_full:
            self._asks = True
            if self._phase is Phase.PROBING:  # what was known before is not denied by that
                estimate.fits(min(self._known, estimate.most(now, _LONG_AGO_SECONDS) or math.inf))
        if self._phase is Phase.DRAINING:
            self._drain(rungs, now)
        elif (is_full or self._note_flood(rungs, now)) and self._is_more(rungs, now):
            self._go_down(rungs, now)
        elif self._phase is Phase.PROBING:
            self._probe(rungs, now, elapsed, is_full=is_full)
        elif self._phase is Phase.TRYING and now - self._since > _TRIED_SECONDS:
            self._enter(Phase.STEADY, now)
            self._failures = self._vain = 0
        self._is_limited = self._rung > top(rungs)
        self._is_still = self._rung > last_moving(rungs)
        if self._phase in (Phase.STEADY, Phase.TRYING) and self._is_limited and present == self._rung:
            self._look_up(rungs, now)
        if present != self._rung:
            self._changes_at = now
        is_wanted = rungs[present] < math.inf  # what the viewer only does not want any more fits a clear line
        is_heavy = rungs[present] > estimate.carries * _LAST_SHARE
        stops = self._phase is Phase.DRAINING or (
            is_heavy and (is_wanted or estimate.state(now) is not State.CLEAR)
        )
        return Decision(
            rung=len(rungs) - 1 if self._phase is Phase.DRAINING else self._rung,
            pause=(self._phase is Phase.DRAINING or present < self._rung) and (is_broken or stops),
            probe=self._level if self._phase is Phase.PROBING else 0.0,
            pace=self._pace(rungs),
            picture_pace=self._picture_pace(rungs, now),
        )

    # --- down

    def _is_more(self, rungs: Sequence[float], now: float) -> bool:
        """Whether the present rung needs more than the line carries."""
        is_tight = self._estimate.state(now) is State.QUEUE and self._rung < last_moving(rungs)
        share = FITS_SHARE if is_tight else _LAST_SHARE if self._rung == last_moving(rungs) else _SURE_SHARE
        return needed(rungs, self._rung) > self._estimate.carries * share and self._rung < len(rungs) - 1

    def _note_flood(self, rungs: Sequence[float], now: float) -> bool:
        """Take it for a sign if a train says that who has just come gets too much; returns whether so."""
        most = self._estimate.most(now)
        if most is None or not self.has_just_begun(now) or needed(rungs, self._rung) < most * _SURE_SHARE:
            return False
        self._estimate.overflows(now)
        self._signs = self._estimate.signs
        return True

    def _fitting(self, rungs: Sequence[float]) -> int:
        """The best rung that the line carries; the lowest moving one may take nearly all of it."""
        carries = self._estimate.carries
        fits, last = fitting(rungs, carries * FITS_SHARE), last_moving(rungs)
        return last if last < fits and rungs[last] <= carries * _SURE_SHARE else fits

    def _go_down(self, rungs: Sequence[float], now: float) -> None:
        if self._phase is not Phase.STEADY:
            self._failures += 1
        elif self._note_doubt(rungs, now):
            self._estimate.doubt()
            return
        self._rung = max(self._rung, self._fitting(rungs))
        self._estimate.sends_less(now)
        self._next_at = now + self._wait()
        self._enter(Phase.DRAINING if self._drains(rungs, now) else Phase.STEADY, now)

    def _note_doubt(self, rungs: Sequence[float], now: float) -> bool:
        """Note when a sign came; returns whether to wait for a second one: this one may be chance."""
        if self._estimate.lost_share is None or self._estimate.is_queued:
            return False
        is_first, self._doubted_at = now - self._doubted_at > EPISODE_SECONDS, now
        return is_first and needed(rungs, self._rung) * _NEARLY_SHARE <= self._estimate.carries

    def _drains(self, rungs: Sequence[float], now: float) -> bool:
        """Whether a picture that may move waits for a queue, or for a train to say what the line carries."""
        estimate, last = self._estimate, last_moving(rungs)
        if last == len(rungs):
            return False
        moves = self._rung <= last
        may_move = moves or rungs[last] <= estimate.may_carry * _SURE_SHARE
        is_unknown = self._trains_measure(now) and (estimate.most(now) is None or not moves)
        return may_move and (is_unknown or estimate.queue(now) > LONG_QUEUE_SECONDS)

    def _drain(self, rungs: Sequence[float], now: float) -> None:
        estimate, lasts = self._estimate, now - self._since
        if estimate.trained_at < self._since and self._trains_measure(now) and lasts < _ANSWER_SECONDS:
            return
        if lasts < _LONGEST_DRAIN_SECONDS and estimate.queue(now) > LONG_QUEUE_SECONDS:
            return
        estimate.drained(now)
        self._rung = self._fitting(rungs)
        self._enter(Phase.STEADY, now)

    # --- up

    def _look_up(self, rungs: Sequence[float], now: float) -> None:
        estimate, most = self._estimate, self._estimate.most(now)
        stands = self._rung > last_moving(rungs)
        if estimate.state(now) is not State.CLEAR:
            if not stands or most is None:  # else a clear line is all that is waited for
                self._next_at = max(self._next_at, now + _WAIT_SECONDS[0])
            return
        if self._take_known(rungs, now):
            return
        better = next_better(rungs, self._rung)
        if stands and most is not None:
            better = max(last_moving(rungs), fitting(rungs, most * FITS_SHARE))
            if better < self._rung and now >= self._next_at:
                estimate.fits(needed(rungs, better))
                self._rung = better
                self._enter(Phase.TRYING, now)
            return
        is_trying = self._phase is Phase.TRYING and now - self._since <= _UP_SECONDS
        if is_trying or now < self._next_at:
            return
        if self._trains_measure(now):
            if most is None:
                self._asks = True
                return
            if rungs[better] > most * FITS_SHARE:
                return
        if not self._can_probe or estimate.is_shared or not estimate.answers:
            self._rung = better
            self._enter(Phase.TRYING, now)
            return
        self._level = max(
            rungs[self._rung],
            min(estimate.carries, rungs[better]) * FITS_SHARE,
            rungs[-1] + LEAST_PADDING_BITRATE,
        )
        self._goal, self._held_since, self._known = math.inf, math.inf, estimate.carries
        self._enter(Phase.PROBING, now)

    def _take_known(self, rungs: Sequence[float], now: float) -> bool:
        """Take what the line is known to carry; returns whether that is better."""
        known = fitting(rungs, self._estimate.carries * _SURELY_SHARE)
        if known > last_moving(rungs):
            known = self._fitting(rungs)
        if known >= self._rung or now - self._estimate.sign_at <= _WAIT_SECONDS[0]:
            return False
        self._rung = known
        self._enter(Phase.TRYING, now)
        return True

    def _aim(self, rungs: Sequence[float], now: float) -> float:
        """What the best rung needs with its peaks, if a train does not say that it is too much.

        But first a picture that moves; and the next better one after a probe that has failed, or where
        packets are lost without a queue: a policer lets trains pass.
        """
        last = last_moving(rungs)
        if self._rung > last:
            return rungs[last] / _SURE_SHARE
        better = next_better(rungs, self._rung)
        drops = self._estimate.lost_at > self._estimate.queued_at
        if (self._vain or self._failures or drops) and self._trains_measure(now):
            return rungs[better] / FITS_SHARE
        most = self._estimate.most(now, _LONG_AGO_SECONDS) or math.inf
        best = min(fitting(rungs, most * FITS_SHARE), better)
        return max(rungs[best] / FITS_SHARE, rungs[better])

    def _probe(self, rungs: Sequence[float], now: float, elapsed: float, *, is_full: bool) -> None:
        estimate = self._estimate
        # what renditions need is measured each second: it must not begin anew for that
        goal = self._goal = min(self._goal, self._aim(rungs, now))
        is_over = estimate.state(now) is not State.CLEAR or estimate.much_lost_at > self._since
        if is_full or is_over or now - self._since > _LONGEST_PROBE_SECONDS:
            if estimate.state(now) is State.LOSING or estimate.much_lost_at > self._since:
                self._failures += 1
                self._next_at = now + self._wait()
            else:  # padding has filled a queue for a moment, and nobody has lost anything
                self._vain += 1
                waits = _QUEUED_WAIT_SECONDS if self._rung <= last_moving(rungs) else _STILL_WAIT_SECONDS
                self._next_at = now + waits[min(self._vain, len(waits)) - 1]
            estimate.sends_less(now)  # what the probe lost is still told for a while
            self._enter(Phase.STEADY, now)
            return
        if estimate.carries * _SURELY_SHARE >= goal * FITS_SHARE and self._take_known(rungs, now):
            return
        if self._level < goal:
            if not estimate.trips.queues:
                is_near = self._level < self._known * _NEAR_TIMES
                doublings = _NEAR_DOUBLINGS_PER_SECOND if is_near else _DOUBLINGS_PER_SECOND
                self._level = min(goal, self._level * 2.0 ** (doublings * elapsed))
            self._held_since = now
        elif self._told_at(now) - self._held_since > HELD_SECONDS + estimate.trips.shortest_known:
            estimate.fits(goal)
            self._rung = min(self._rung, self._fitting(rungs), fitting(rungs, goal * _SURE_SHARE))
            self._enter(Phase.TRYING, now)

    def _told_at(self, now: float) -> float:
        """Up to when it is known whether the line was full: a queue shows at once, losses in a report.

        Who has answered, and does not any more, says nothing.
        """
        estimate, trips = self._estimate, self._estimate.trips
        if trips.passed_at > -math.inf and not trips.measured_within(_ANSWER_SECONDS, now):
            return trips.passed_at
        is_deep = estimate.is_stream or estimate.queued_at >= estimate.shallow_at
        return now if is_deep else estimate.reported_at

    def _wait(self) -> float:
        # at random, so that viewers behind one line do not probe together
        return _WAIT_SECONDS[min(self._failures, len(_WAIT_SECONDS) - 1)] * (0.8 + 0.4 * self._jitter())

    def _enter(self, phase: Phase, now: float) -> None:
        self._phase, self._since = phase, now

    # --- what it wants to know, and how pictures leave

    @property
    def is_probing(self) -> bool:
        return self._phase is Phase.PROBING

    def wants_train(self, now: float) -> bool:
        """Whether to send a train of packets, to measure what the line carries."""
        if not self.can_train:
            return False
        estimate = self._estimate
        if (
            self._asks
            or self._is_still
            or self.awaits_train(now)
            or self._phase in (Phase.DRAINING, Phase.PROBING)
        ):
            return True
        if now - estimate.tripped_at < _JOIN_SECONDS and estimate.trained_at < estimate.tripped_at:
            return True
        return estimate.most(now) is None and (self._is_limited or estimate.state(now) is not State.CLEAR)

    def train_left(self, now: float) -> None:
        """Take that a train was sent."""
        self._asks = False
        if self._estimate.trained_at >= self._unanswered_since:
            self._unanswered_since = math.inf
        self._unanswered_since = min(self._unanswered_since, now)

    def _trains_measure(self, now: float) -> bool:
        """Whether the receiver tells of trains; one that never did is as one that cannot.

        That of the handshake says nothing of that: everybody answers its requests.
        """
        estimate = self._estimate
        heard_at = estimate.trained_at if estimate.train_left_at >= self._began_at else -math.inf
        is_heard = heard_at >= self._unanswered_since or now - heard_at < _WARY_SECONDS
        return self.can_train and (is_heard or now - self._unanswered_since < _UNHEARD_SECONDS)

    def ask_train(self) -> None:
        """Want another train: the last one measured nothing."""
        self._asks = True

    @property
    def is_urgent(self) -> bool:
        """Whether the viewer has no picture until the line is known."""
        return self._phase is Phase.DRAINING

    def has_just_begun(self, now: float) -> bool:
        """Whether the viewer has just come: what it gets is a guess."""
        return now - self._began_at <= _JOIN_SECONDS

    def awaits_train(self, now: float) -> bool:
        """Whether the next train decides: the picture waits for it, or the line may have opened.

        Or who has just come gets a guess: no train was answered, or it was read late.
        """
        is_guess = self.has_just_begun(now) and not self._estimate.is_exact(now)
        return self.is_urgent or is_guess or self._estimate.may_have_opened(now)

    def measure_seconds(self, now: float) -> float:
        """The time from one measurement of the round trip to the next; infinite: none is wanted."""
        estimate = self._estimate
        if self._phase is not Phase.STEADY or estimate.trips.queues or estimate.state(now) is not State.CLEAR:
            is_narrow = estimate.carries <= NARROW and self._phase is not Phase.PROBING
            return _SELDOM_SECONDS / 3 if is_narrow else _OFTEN_SECONDS
        if (self._asks and self.can_train) or now - estimate.tripped_at < _JOIN_SECONDS:
            return _OFTEN_SECONDS
        return _SELDOM_SECONDS if self._is_wary(now) else math.inf

    def _is_wary(self, now: float) -> bool:
        """Whether the line has not carried the best for long."""
        return self._is_limited or now - self._estimate.sign_at < _WARY_SECONDS

    def _pace(self, rungs: Sequence[float]) -> float:
        """The rate of keyframes alone; they take the place of a probe's padding."""
        if not is_slow(rungs, self._rung):
            return 0.0
        sound, probed = rungs[-1], self._level if self.is_probing else 0.0
        return max(rungs[-2] - sound, (self._estimate.carries - sound) * _SLOW_SHARE, probed - sound)

    def _picture_pace(self, rungs: Sequence[float], now: float) -> float:
        estimate = self._estimate
        need, carries = rungs[self._rung], estimate.carries
        is_new = now - self._changes_at < _BEGIN_SECONDS
        # without a queue for a whole picture: it has shown none, or has lost packets since
        may_be_shallow = self._is_wary(now) and estimate.queued_at <= estimate.lost_at
        if need == math.inf or carries > need * _WIDE_TIMES or not (is_new or may_be_shallow):
            return 0.0
        return max((carries - rungs[-1]) * FITS_SHARE, (need - rungs[-1]) * _PACE_TIMES)
