"""A sender that tells what is known of a line what it sends, and passes on what a receiver says."""

import math

from media.line.allocation import Allocation, Decision
from media.line.estimate import LineEstimate
from media.line.loss_run import Loss

SOUND = 40_000
RUNGS = [
    1_600_000.0,
    540_000.0,
    190_000.0,
    60_000.0,
    40_000.0,
]  # of three layers, keyframes alone, and the sound
ALONE = len(RUNGS) - 1  # the rung of the sound


class Sender:
    """Sends at a rate, and tells the estimate ten times a second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.estimate = LineEstimate(self.now)
        self._octets = self._sound = 0.0

    def send(self, rate: float, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self._octets += rate / 80
            self._sound += min(SOUND, rate) / 80
            self.estimate.sent(round(self._octets), round(self._sound), self.now)

    def measure(self, rate: float, *trips: float) -> None:
        """One round trip after the other, each with a tenth of a second at `rate`."""
        for seconds in trips:
            self.send(rate, 0.1)
            self.estimate.round_trip(seconds, self.now)

    def fill(self, rate: float, times: int, answers: int = 5) -> None:
        """Send so many times what the line carries: what left within 0.1 s comes within `times` as long."""
        self.measure(rate, 0.03)
        for n in range(1, answers):
            self.send(rate, 0.1 * times)
            self.estimate.round_trip(0.03 + 0.1 * n * (times - 1), self.now)

    def lose(self, share: float, seconds: float = 0.5) -> None:
        """A receiver requests so much of what was sent lately, all of it beyond chance."""
        self.estimate.lost(Loss(share, share, self.now - seconds, self.now), self.now)

    def report(self, lost: int, expected: int, rtt: float = 0.0) -> None:
        """A receiver reports of the last second."""
        self.estimate.report(lost, expected, self.now - 1.0, rtt, self.now)


class Shown(Sender):
    """Is sent what is decided, a moment later."""

    def __init__(
        self, rungs: list[float] | None = None, *, can_probe: bool = True, can_train: bool = False
    ) -> None:
        super().__init__()
        self.rungs = rungs or list(RUNGS)
        self.choice = Allocation(self.estimate, self.now, can_probe=can_probe, jitter=lambda: 0.5)
        self.choice.can_train = can_train
        self.present = 0
        self.round_trip: float | None = 0.03  # in seconds; None: it does not answer
        self.train: float | None = None  # what trains measure; None: they are not answered
        self.trains = 0
        self.decision = Decision(0, False, 0.0, 0.0, 0.0)

    def run(self, seconds: float) -> list[Decision]:
        """Tick so long; returns what was decided."""
        return [self.tick() for _ in range(round(seconds * 10))]

    def tick(self, *, is_broken: bool = False) -> Decision:
        need = self.rungs[self.present]
        is_shown = need < math.inf and not self.decision.pause
        self.send(max(need if is_shown else SOUND, self.decision.probe), 0.1)
        if self.round_trip is not None and self.choice.measure_seconds(self.now) < math.inf:
            self.estimate.round_trip(self.round_trip, self.now)
        if self.choice.wants_train(self.now):
            self.trains += 1
            self.choice.train_left(self.now)
            if self.train is not None:
                self.estimate.train_came(self.train, self.now, self.now - 0.05)
        self.decision = self.choice.step(self.rungs, self.present, self.now, is_broken=is_broken)
        self.present = self.decision.rung
        return self.decision

    def until(self, phase: str, most: float = 40.0) -> None:
        """Tick until the phase has that name."""
        ends_at = self.now + most
        while self.phase != phase:
            assert self.now < ends_at, f"{self.phase}, not {phase}"
            self.tick()

    @property
    def phase(self) -> str:
        return self.choice._phase.name


def limited(share: float = 0.5, *, can_probe: bool = True, can_train: bool = False) -> Shown:
    """Its line has lost such a share of the best rung."""
    viewer = Shown(can_probe=can_probe, can_train=can_train)
    viewer.run(4)
    viewer.lose(share)
    viewer.tick()
    return viewer
