"""A line whose estimate, and the choice by trains, are looked at each tenth of a second."""

import math

from media.line.estimate import LineEstimate
from media.line.train_choice import TrainChoice
from tests.support.choosing_viewer import RUNGS

SOUND = len(RUNGS) - 1  # the rung


class Line:
    """`now` is in seconds."""

    def __init__(self, *, can_train: bool = True) -> None:
        self.now = 10.0
        self.octets = 0.0
        self.estimate = LineEstimate(self.now)
        self.choice = TrainChoice(self.estimate, can_train=can_train)

    def wait(self, seconds: float, rate: float = 40_000) -> None:
        """At that rate it is sent, of sound mostly."""
        self.now += seconds
        self.octets += seconds * rate / 8
        self.estimate.sent(round(self.octets), round(self.octets), self.now)

    def send(self) -> None:
        assert self.choice.wants(self.now, watches=False)
        self.choice.sent(self.now)

    def train(self, rate: float, rung: int, sent_at: float = -math.inf) -> int:
        self.estimate.train_came(rate, self.now, sent_at)
        return self.choice.take(RUNGS, rung, self.now)

    def queue(self, trips: int = 3) -> None:
        self.estimate.round_trip(0.03, self.now)
        for _ in range(trips):
            self.wait(0.1)
            self.estimate.round_trip(0.3, self.now)
