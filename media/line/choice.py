"""Which rendition of the picture a viewer gets: the best one that its line carries, and sound before all.

Down at once, straight to what fits; up after a probe has shown that the line carries more. Who cannot be probed gets
more for a try, and waits longer after each one that failed.
"""

import math
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from media.line.estimate import LineEstimate
from media.line.probe import Probe

UP_SECONDS = 1.0  # between two changes upwards
BACK_OFF_SECONDS = (1.5, 2.2, 3.0)  # after one failed probe, two, and more
TRY_SECONDS = (4.0, 8.0, 16.0, 30.0)  # after as many failed tries
CALM_SECONDS = 1.0  # after a sign of congestion, before a probe

_ROOM = 1.08  # for what a rung needs at times: only with that it is chosen
_LITTLE = 0.8  # a sign that leaves this share of what is needed may pass
_REMEMBERED_SECONDS = 8.0  # but not twice
_SURE = 1.15  # for keyframes alone: they come in bursts
_KNOWN = 0.85  # of what is known to fit: from there a probe begins
_MUCH = 1.1  # a picture that needs this multiple is paused at once
_PACE = 0.9  # of what sound leaves: for keyframes alone
_TRIED_SECONDS = 5.0  # a try that shows no congestion for so long has succeeded


class Decision(NamedTuple):
    """What to send to a viewer.

    `rung` is an index of the rungs. With `pause` the present picture stops at once, and does not wait for the
    keyframe of the other one. `probe` is what to send in total, with padding, and `pace` how fast keyframes
    alone may go, both in bit/s; 0: none.
    """

    rung: int
    pause: bool
    probe: float
    pace: float


class LayerChoice:
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
        self._jitter = jitter
        self._rung = 0
        self._probe: Probe | None = None
        self._failures = 0
        self._next_at = now
        self._up_at = now
        self._signs = 0  # of the estimate that were handled
        self._sign_at = -math.inf  # the last that was let pass
        self._tried_at: float | None = None

    def step(self, rungs: Sequence[float], present: int, now: float) -> Decision:
        """Decide anew; called ten times a second.

        `rungs` are what the renditions need, in bit/s with sound, best first; the last two are keyframes alone, at
        their slowest, and sound alone. `present` is the rung that the viewer gets so far.
        """
        self._rung = min(self._rung, len(rungs) - 1)
        estimate = self._estimate
        if self._probe is not None:
            self._follow_probe(self._probe, now)
        if estimate.signs != self._signs:
            self._signs = estimate.signs
            self._take_sign(rungs, now)
        elif now >= self._up_at and self._best(rungs) < self._rung:
            self._rung, self._up_at = self._best(rungs), now + UP_SECONDS
        if self._tried_at is not None and now - self._tried_at >= _TRIED_SECONDS:
            self._tried_at, self._failures = None, 0
        if self._rung and self._probe is None and present == self._rung and now >= self._next_at:
            self._look_up(rungs, now)
        carries = estimate.carries
        return Decision(
            rung=self._rung,
            pause=present < self._rung and rungs[present] > carries * _MUCH,
            probe=self._padded(rungs, now),
            pace=self._pace(rungs),
        )

    def _padded(self, rungs: Sequence[float], now: float) -> float:
        """What to send in total: a probe, or a trickle so that the receiver's estimate does not go stale."""
        if self._probe is not None:
            return self._probe.level(now, self._estimate.vouched_at)
        if self._probes and self._rung >= len(rungs) - 2:
            return rungs[-1]
        return 0.0

    @property
    def _probes(self) -> bool:
        return self._can_probe and self._estimate.has_remb

    def _best(self, rungs: Sequence[float]) -> int:
        carries = self._estimate.carries
        return next((n for n, need in enumerate(rungs) if need * _ROOM <= carries), len(rungs) - 1)

    def _pace(self, rungs: Sequence[float]) -> float:
        if self._rung != len(rungs) - 2:
            return 0.0
        return max(rungs[-2] - rungs[-1], (self._estimate.carries - rungs[-1]) * _PACE)

    # --- down

    def _take_sign(self, rungs: Sequence[float], now: float) -> None:
        if self._tried_at is not None:
            self._fail(TRY_SECONDS, now)
            self._tried_at = None
        need, carries = rungs[self._rung], self._estimate.carries
        self._next_at = max(self._next_at, now + CALM_SECONDS)
        if need <= carries:
            return
        former, self._sign_at = self._sign_at, now
        if need * _LITTLE <= carries and now - former > _REMEMBERED_SECONDS:
            return  # one over-use may be chance, or another viewer's probe
        fits = next((n for n, each in enumerate(rungs) if each <= carries), len(rungs) - 1)
        if fits == len(rungs) - 2 and not rungs[-2] * _SURE <= carries:
            fits += 1
        self._rung = max(self._rung, fits)
        self._up_at = now + UP_SECONDS

    # --- up

    def _look_up(self, rungs: Sequence[float], now: float) -> None:
        estimate = self._estimate
        if self._probes:
            start = max(rungs[self._rung], min(estimate.carries, rungs[0]) * _KNOWN)
            self._probe = Probe(start, rungs[0] * _ROOM, now)
        elif now >= self._up_at and self._tried_at is None:
            self._rung -= 1
            self._tried_at = now
            self._up_at = now + _TRIED_SECONDS

    def _follow_probe(self, probe: Probe, now: float) -> None:
        estimate = self._estimate
        if estimate.signs != self._signs or estimate.stalls:
            self._probe = None
            self._fail(BACK_OFF_SECONDS, now)
        else:
            estimate.fits(probe.held(estimate.vouched_at))
            if probe.is_over(estimate.vouched_at):
                self._probe, self._failures = None, 0

    def _fail(self, waits: Sequence[float], now: float) -> None:
        wait = waits[min(self._failures, len(waits) - 1)]
        self._failures += 1
        # so that viewers behind one line do not probe together
        self._next_at = now + wait * (0.8 + 0.2 * self._jitter())
