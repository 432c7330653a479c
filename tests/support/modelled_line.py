"""A line in memory: it carries a rate that changes, behind a queue that drops what does not fit."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

STEP = 0.005  # seconds between two looks at the line
JITTER, MOST_JITTER = 0.004, 0.03  # seconds by which hosts and radios delay a packet: on average, at most


@dataclass(slots=True)
class Packet:
    """`sent_at` is when it was sent, `arrived_at` when it came out of the line, in seconds."""

    viewer: int
    kind: str  # "sound", "picture", "padding", "request"
    size: int  # bytes on the line
    sent_at: float
    frame: int = -1
    last: bool = True  # of its frame
    arrived_at: float = 0.0


class ModelledLine:
    """`rate(now)` is in bit/s. The queue holds `queue` seconds of that; then it drops what comes.

    No packet overtakes another one, whatever `jitter` (seconds, on average) adds.
    """

    def __init__(
        self,
        rate: Callable[[float], float],
        *,
        queue: float = 0.3,
        delay: float = 0.025,
        loss: float = 0.0,
        jitter: float = JITTER,
        seed: int = 1,
    ) -> None:
        self._rate = rate
        self._queue = queue
        self._delay = delay
        self._loss = loss
        self._jitter = jitter
        self._arrived_at = 0.0  # the latest
        self._random = random.Random(seed)
        self._waiting: deque[Packet] = deque()
        self._backlog = 0.0  # bits that wait
        self._head = 0.0  # bits of the first packet that are still to be sent
        self.dropped = 0

    def send(self, packet: Packet) -> None:
        bits = packet.size * 8
        # a queue has room for some packets, however slow the line is
        if self._backlog + bits > max(self._queue * self._rate(packet.sent_at), 24_000):
            self.dropped += 1
            return
        if not self._waiting:
            self._head = bits
        self._waiting.append(packet)
        self._backlog += bits

    def arrivals(self, now: float) -> list[Packet]:
        """What comes out of the queue in the step that ends at `now`; each with the time of its arrival."""
        left = self._rate(now) * STEP
        whole = left
        out = []
        while self._waiting and left >= self._head:
            packet = self._waiting.popleft()
            left -= self._head
            self._backlog -= packet.size * 8
            start = max(now - STEP, packet.sent_at)
            packet.arrived_at = max(now - STEP * left / whole, start) + self._delay + self._late()
            packet.arrived_at = self._arrived_at = max(packet.arrived_at, self._arrived_at)
            self._head = self._waiting[0].size * 8 if self._waiting else 0.0
            if self._random.random() >= self._loss:
                out.append(packet)
        if self._waiting:
            self._head -= left
        return out

    def _late(self) -> float:
        return min(self._random.expovariate(1 / self._jitter), MOST_JITTER) if self._jitter else 0.0
