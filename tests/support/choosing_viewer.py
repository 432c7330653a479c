"""A viewer whose renditions a `LayerChoice` chooses, by what its receiver says."""

import math

from media.line.choice import Decision, LayerChoice
from media.line.estimate import LineEstimate

SOUND = 40_000
RUNGS = [1_600_000.0, 540_000.0, 190_000.0, 60_000.0, 40_000.0]
SINGLE = [700_000.0, 65_000.0, 40_000.0]


class Viewer:
    """Gets what was decided, a moment later, and says what its receiver says."""

    def __init__(self, rungs: list[float], *, can_probe: bool = True) -> None:
        self.rungs = rungs
        self.estimate = LineEstimate(0.0)
        self.choice = LayerChoice(self.estimate, 0.0, can_probe=can_probe, jitter=lambda: 0.5)
        self.now = 0.0
        self.present = 0
        self.decision = Decision(0, False, 0.0, 0.0, 0.0)
        self._octets = self._sound = 0.0
        self._remb = 2_000_000

    def run(self, seconds: float, *, remb: bool = True, loss: float = 0.0) -> list[Decision]:
        decisions = []
        for n in range(round(seconds * 10)):
            self.now += 0.1
            need = self.rungs[self.present]
            picture = 0.0 if self.decision.pause or need == math.inf else need - SOUND
            self._octets += max(SOUND + picture, self.decision.probe) / 80
            self._sound += SOUND / 80
            self.estimate.sent(round(self._octets), round(self._sound), self.now)
            if remb and n % 2 == 0:
                self._remb += 100
                self.estimate.remb(self._remb, self.now)
            if n % 10 == 9:
                self.estimate.report(loss, 0.05, self.now)
            self.decision = self.choice.step(self.rungs, self.present, self.now)
            decisions.append(self.decision)
            self.present = self.decision.rung
        return decisions

    def measure(self, *trips: float, remb: bool = True) -> None:
        """Of one round trip after the other, each with a tenth of a second."""
        for seconds in trips:
            self.estimate.round_trip(seconds, self.now)
            self.run(0.1, remb=remb)

    def fall(self, bitrate: int) -> None:
        self._remb = bitrate
        self.estimate.remb(bitrate, self.now)
