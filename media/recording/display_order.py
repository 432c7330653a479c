"""When pictures are decoded and when they are shown, where these are not the same: with B-frames.

RTP timestamps are the times of showing (RFC 6184 5.1), and go forth and back with B-frames: GStreamer sends
them so. Others send the times of decoding, which only grow. A container needs both.
"""

import heapq
from bisect import insort
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from media.recording.frame import Frame

MOST_REORDERED = 16  # frames
MOST_HELD = 40  # frames
_KEPT_TIMES = 2 * (MOST_HELD + MOST_REORDERED)
_TICK = 0.001  # seconds between times of decoding that nobody has told


class Shown(NamedTuple):
    """A frame, and when it is decoded and shown, in seconds."""

    decoded: float
    shown: float
    frame: Frame


@dataclass(slots=True)
class _Held:
    seconds: float
    frame: Frame
    shown: float | None = None


class DisplayOrder:
    """The order of one track in one file. Streams without B-frames pass at once, and as they are."""

    def __init__(self) -> None:
        self._held: list[_Held] = []  # in the order of decoding
        self._waiting: list[tuple[tuple[int, int], int, _Held]] = []  # a heap, in the order of showing
        self._times: list[float] = []  # of the latest frames, sorted; ...
        self._forgotten = 0  # ... of so many before them they are not needed any more
        self._numbers = count()  # of those that wait for one place
        self._shown = self._given = 0  # frames: got their time, were given out
        self._first_shown: float  # seconds
        self._depth = 0  # frames that may come before one which is shown earlier
        self._shows_times: bool | None = None  # whether timestamps are those of showing; None: not known yet
        self._before: _Held | None = None  # the frame that came last
        self._shown_place: tuple[int, int] | None = None  # of the latest that got its time

    def push(self, seconds: float, frame: Frame) -> list[Shown]:
        """Take a frame with the time of its timestamp; returns those that are ready, in order of decoding."""
        order = frame.order
        if order is None:
            return [*self.close(), Shown(seconds, seconds, frame)]
        held = _Held(seconds, frame)
        before, self._before = self._before, held
        if before is not None and before.frame.order is not None and order.place < before.frame.order.place:
            self._shows_times = seconds < before.seconds
        self._depth = max(self._depth, order.reordered or 0)
        if self._shown_place is not None and order.place < self._shown_place:
            self._depth = min(MOST_REORDERED, self._depth + 1)  # more than the stream said
        self._held.append(held)
        heapq.heappush(self._waiting, (order.place, next(self._numbers), held))
        self._note(seconds)
        if self._shows_times is not None or not self._depth or len(self._held) > MOST_HELD:
            while len(self._waiting) > self._depth:
                self._show_next()
        return self._ready()

    def close(self) -> list[Shown]:
        """The frames that are left: no other one follows."""
        while self._waiting:
            self._show_next()
        self._before = self._shown_place = None
        return self._ready()

    def _note(self, seconds: float) -> None:
        insort(self._times, seconds)
        if len(self._times) > _KEPT_TIMES:
            self._forgotten += len(self._times) // 2
            del self._times[: len(self._times) // 2]

    def _time(self, number: int) -> float:
        """The time of the frame of that number, counted in the order of times; goes on evenly at the end."""
        index = number - self._forgotten
        beyond = index - len(self._times) + 1
        if beyond <= 0:
            return self._times[index]
        pace = self._times[-1] - self._times[-2] if len(self._times) > 1 else _TICK
        return self._times[-1] + beyond * pace

    def _show_next(self) -> None:
        """Give the frame that is shown next its time.

        A stream that sends times of decoding shows a frame when no earlier frame can follow.
        """
        place, _, held = heapq.heappop(self._waiting)
        times_of_decoding = self._shows_times is False
        held.shown = self._time(self._shown + self._depth) if times_of_decoding else held.seconds
        self._shown += 1
        self._shown_place = place

    def _decoded(self, held: _Held) -> float:
        """When the next frame that is given out is decoded: when that of `_depth` frames before it is shown.

        The first one is decoded when it is shown, as FFmpeg's MP4 requires, and those before there is such a
        frame at once behind it.
        """
        if self._given <= self._depth:
            return self._first_shown + self._given * _TICK
        return held.seconds if self._shows_times is False else self._time(self._given - self._depth)

    def _ready(self) -> list[Shown]:
        ready = []
        while self._held and self._held[0].shown is not None:
            held = self._held.pop(0)
            assert held.shown is not None
            if not self._given:
                self._first_shown = held.shown
            ready.append(Shown(self._decoded(held), held.shown, held.frame))
            self._given += 1
        return ready
