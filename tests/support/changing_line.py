"""A line in memory that changes all the time, as `LineLife` has it, through the forwarder's own queue."""

import math
import random

from tests.support.line_life import LEAST_RATE, LEAST_SECONDS, MOST_DELAY, MOST_LOSS, MOST_RATE, MOST_SECONDS
from tests.support.line_shape import Shape, Way
from tests.support.modelled_line import JITTER, MOST_JITTER, Packet


class ChangingLine:
    """By a seed. `rates`: since when it carries how much, for so many `seconds`."""

    def __init__(self, seed: int, seconds: float) -> None:
        self._random = random.Random(f"changing {seed}")
        self._delay = self._random.uniform(0.005, MOST_DELAY)
        self._loss = self._random.choice((0.0, 0.0, self._random.uniform(0, MOST_LOSS)))
        self.rates: list[tuple[float, float]] = []
        at = 0.0
        while at < seconds:
            rate = math.exp(self._random.uniform(math.log(LEAST_RATE), math.log(MOST_RATE)))
            self.rates.append((at, rate))
            at += self._random.uniform(LEAST_SECONDS, MOST_SECONDS)
        self._next = 1
        self._way: Way[Packet] = Way(self._shape(0), seed)
        self._arrived_at = 0.0

    def _shape(self, number: int) -> Shape:
        return Shape(rate=self.rates[number][1], delay=self._delay, loss=self._loss)

    def _change(self, now: float) -> None:
        while self._next < len(self.rates) and self.rates[self._next][0] <= now:
            self._way.reshape(self._shape(self._next), now)
            self._next += 1

    def send(self, packet: Packet) -> None:
        self._change(packet.sent_at)
        self._way.enter(packet.size, packet, packet.sent_at)

    def arrivals(self, now: float) -> list[Packet]:
        """What has come out until `now`; each with the time of its arrival."""
        self._change(now)
        out = []
        while (due := self._way.due()) is not None and due <= now:
            for packet in self._way.leave(due):
                late = min(self._random.expovariate(2 / JITTER), MOST_JITTER)
                packet.arrived_at = self._arrived_at = max(self._arrived_at, due + late)
                out.append(packet)
        return out
