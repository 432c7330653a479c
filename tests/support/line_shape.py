"""One direction of a narrow line: a rate, a bounded queue, a delay, and loss by a seed.

It takes times and datagrams, and does no I/O. Times are in seconds and never go back.
"""

import math
import random
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Of one direction."""

    rate: float | None = None  # bits a second, None: no limit
    queue: float = 0.3  # seconds that the last datagram of a full queue waits at that rate
    delay: float = 0.0  # seconds on the way, behind the queue
    loss: float = 0.0  # a share of 1, lost by chance
    burst: tuple[int, int] = (1, 1)  # so many at once, at least and at most
    mtu: float = math.inf  # octets of a datagram, with its headers: what is larger is lost
    policed: bool = False  # nothing waits: what the queue would hold passes at once, and the rest is dropped


OPEN = Shape()


class Way(Generic[T]):
    """One direction. What goes in comes out in its order, or not at all."""

    def __init__(self, shape: Shape, seed: int) -> None:
        self._shape = shape
        self._random = random.Random(seed)
        self._losing = 0  # so many of a burst are still to be lost
        self._bucket, self._policed_at = 0.0, 0.0  # octets of a policer's that are taken
        self._waiting: deque[tuple[int, T]] = deque()  # size in octets; the first is being sent
        self._sent_at = 0.0  # when the first of them has left the queue
        self._flying: deque[tuple[float, int, T]] = deque()  # when it arrives
        self.queued = 0  # octets in the queue
        self.entered = self.lost = self.dropped = self.passed = 0  # datagrams; dropped: the queue was full
        self.octets = 0  # that came out

    @property
    def shape(self) -> Shape:
        return self._shape

    def reshape(self, shape: Shape, now: float) -> None:
        """Be of another shape from now on, for what waits in the queue, too.

        What does not fit into the new queue is dropped, the latest first.
        """
        self._advance(now)
        before, self._shape = self._shape, shape
        if self._waiting and before.rate:
            left = (self._sent_at - now) * before.rate  # bits of the first
            self._sent_at = now + (left / shape.rate if shape.rate else 0.0)
        while len(self._waiting) > 1 and self.queued > self._room:
            size, _ = self._waiting.pop()
            self.queued -= size
            self.dropped += 1
        self._advance(now)

    def enter(self, size: int, datagram: T, now: float) -> None:
        """Put in a datagram that takes `size` octets of the line."""
        self._advance(now)
        self.entered += 1
        if size > self._shape.mtu or self._is_lost():
            self.lost += 1
            return
        if self._shape.policed:
            self._police(size, datagram, now)
            return
        if not self._shape.rate:
            self._fly(size, datagram, now)
            return
        if self._waiting and self.queued + size > self._room:
            self.dropped += 1
            return
        if not self._waiting:
            self._sent_at = now + size * 8 / self._shape.rate
        self._waiting.append((size, datagram))
        self.queued += size

    def _is_lost(self) -> bool:
        """By chance: alone, or the first of a burst, or one that follows it."""
        least, most = self._shape.burst
        if not self._losing:
            loss, mean = self._shape.loss, (least + most) / 2
            if self._random.random() >= loss / (mean - loss * (mean - 1)):  # of those that are in none
                return False
            self._losing = self._random.randint(least, most)
        self._losing -= 1
        return True

    def _police(self, size: int, datagram: T, now: float) -> None:
        rate = self._shape.rate
        assert rate is not None
        self._bucket = max(0.0, self._bucket - (now - self._policed_at) * rate / 8)
        self._policed_at = now
        if self._bucket + size > self._room:
            self.dropped += 1
            return
        self._bucket += size
        self._fly(size, datagram, now)

    def leave(self, now: float) -> list[T]:
        """What has come out until now, in order."""
        return [datagram for _, datagram in self.left(now)]

    def left(self, now: float) -> list[tuple[float, T]]:
        """The same, with the time at which each came out."""
        self._advance(now)
        out = []
        while self._flying and self._flying[0][0] <= now:
            at, size, datagram = self._flying.popleft()
            self.passed += 1
            self.octets += size
            out.append((at, datagram))
        return out

    def due(self) -> float | None:
        """When the next comes out."""
        if self._flying:
            return self._flying[0][0]
        if self._waiting:
            return self._sent_at + self._shape.delay
        return None

    @property
    def wait(self) -> float:
        """Seconds that the queue takes to empty."""
        return self.queued * 8 / self._shape.rate if self._shape.rate else 0.0

    @property
    def _room(self) -> float:
        """Octets that the queue holds."""
        return self._shape.queue * self._shape.rate / 8 if self._shape.rate else float("inf")

    def _advance(self, now: float) -> None:
        rate = self._shape.rate
        while self._waiting and (not rate or self._sent_at <= now):
            size, datagram = self._waiting.popleft()
            self.queued -= size
            self._fly(size, datagram, self._sent_at)
            if self._waiting and rate:
                self._sent_at += self._waiting[0][0] * 8 / rate

    def _fly(self, size: int, datagram: T, since: float) -> None:
        arrives = since + self._shape.delay
        if self._flying:  # a delay that has shrunk lets nothing overtake
            arrives = max(arrives, self._flying[-1][0])
        self._flying.append((arrives, size, datagram))
