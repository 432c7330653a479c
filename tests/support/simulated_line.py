"""A bad line between two peers in memory, where time passes as fast as it can be computed."""

import heapq
import random
from collections.abc import Callable
from itertools import count

DELAY, JITTER = 0.050, 0.012  # one way, in seconds


class Line:
    """Loses, delays and reorders what is sent over it, by a seed; the clock of both peers."""

    def __init__(self, seed: int, loss: float) -> None:
        self._random = random.Random(seed)
        self._loss = loss
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self.now = 0.0

    def at(self, time: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._number), event))

    def send(self, deliver: Callable[[], None]) -> None:
        if self._random.random() >= self._loss:
            self.at(self.now + DELAY + self._random.uniform(0, JITTER), deliver)

    def run(self) -> None:
        while self._events:
            self.now, _, event = heapq.heappop(self._events)
            event()
