"""Keyframes alone for one viewer, at the pace that its line carries: a slow picture show."""

import math
from collections import deque

from media.rtp.run import Run, by_picture
from media.switch.rendition import PACKET_OVERHEAD
from media.switch.run_queue import insert, split

# With the overhead of packets, so that their number is bounded, too. A larger keyframe is skipped.
MAX_PICTURE_BYTES = 1_000_000
MAX_PAUSE_SECONDS = 0.050  # a longer pause between two calls is not made up for
_IN_ADVANCE = 1500  # octets: a packet
_SKIPPED = 8  # pictures whose later packets are known


class Paced:
    """It paces the packets of one track, as a `JoinBurst` does, but never catches up.

    It holds one picture. Pictures go out whole and in order, or not at all: one is sent only when its last
    packet (by the marker bit) is there. While that goes on, newer pictures are skipped; one that waits is
    replaced by a newer one. `now` is in seconds of a steady clock.

    What was skipped leaves a gap in the track's indexes that the viewer must not see. So where a picture
    begins, `begins_at` says at which index: there the viewer's numbers continue (`Viewer.take`).
    """

    __slots__ = (
        "_begun",
        "_bytes",
        "_complete",
        "_credit",
        "_first",
        "_pending",
        "_skipped",
        "_taken_at",
        "_timestamp",
        "begins_at",
        "bitrate",
        "next_index",
        "shift",
        "track",
    )

    pause = 0.010  # seconds from one call of `take` to the next
    begun = True  # it has no held pictures to begin with; ...
    caught_up = False  # ... and the live edge is never reached
    shift: int  # of the timestamps of the next picture (see `Viewer`): to be set before it is taken

    def __init__(self, track: int, next_index: int, bitrate: float, now: float) -> None:
        """Packets of `track` below `next_index` are not for the viewer. `bitrate` may be set at any time."""
        self.track = track
        self.next_index = next_index  # packets below it were sent or skipped, if they do not come late
        self.bitrate = bitrate  # bit/s, with the overhead of packets
        self.begins_at: int | None = None  # where the picture starts whose first packets `take` returned
        self._pending: deque[Run] = deque()
        self._first = next_index  # of the picture in hand
        self._timestamp: int | None = None  # of it; None before the first
        self._complete = self._begun = False
        self._skipped: deque[int] = deque(maxlen=_SKIPPED)  # timestamps
        self._credit = 0.0
        self._taken_at = now

    def may_wait(self, _now: float) -> bool:
        """Its pictures come late anyway."""
        return True

    def was_sent(self, _index: int, _start: int) -> bool:
        """Nothing is sent live."""
        return False

    def add(self, run: Run) -> None:
        """Take a live run, in the order of arrival."""
        for timestamp, part in by_picture(run):
            if part.first >= self.next_index:
                self._add(timestamp, part)

    def _add(self, timestamp: int, part: Run) -> None:
        if timestamp != self._timestamp and not self._turn_to(part.first, timestamp):
            return
        octets = part.octets + PACKET_OVERHEAD * len(part)
        if self._bytes + octets > MAX_PICTURE_BYTES:
            if not self._begun:
                self._skip_this()
            return
        self._bytes += octets
        self._complete |= True in part.markers()
        insert(self._pending, part)

    def take(self, now: float) -> list[Run]:
        """The packets to send at `now`, all of one picture. Call it every few milliseconds."""
        elapsed = min(now - self._taken_at, MAX_PAUSE_SECONDS)
        self._taken_at = now
        self._credit += elapsed * self.bitrate / 8
        self.begins_at = None
        runs: list[Run] = []
        if not self._pending or not self._complete:
            self._credit = min(self._credit, 0.0)  # a pause is not made up for, but what is owed remains
            return runs
        while self._pending and self._credit >= 0 and self.bitrate:
            run, octets = split(self._pending, self._credit, PACKET_OVERHEAD)
            if not self._begun:
                self._begun = True
                self.begins_at = run.first
            self._credit -= octets
            self.next_index = run.first + len(run)
            runs.append(run)
        return runs

    def spend(self, octets: int) -> None:
        """Take that something else took so much of the line: what comes next is sent later."""
        self._credit -= octets

    def owes(self, now: float) -> bool:
        """Whether more was sent than the pace allows by now: the latest packet is always sent in advance."""
        return self._credit + (now - self._taken_at) * self.bitrate / 8 < -_IN_ADVANCE

    @property
    def due(self) -> bool:
        """Whether there is a whole picture to send, or the rest of one."""
        return self._complete and bool(self._pending)

    @property
    def seconds(self) -> float:
        """The time that the line takes for the picture in hand; infinite: it carries none."""
        return self._bytes * 8 / self.bitrate if self.bitrate else math.inf

    @property
    def next_picture(self) -> tuple[int, float] | None:
        """Timestamp of the picture that is sent next, and the seconds that it takes; None: there is none."""
        if not self.due or self._begun or not self.bitrate:
            return None
        assert self._timestamp is not None
        return self._timestamp, self.seconds

    @property
    def sends(self) -> bool:
        """Whether a picture is on its way: some of it was sent, and some was not."""
        return self._begun and bool(self._pending)

    def _turn_to(self, extended: int, timestamp: int) -> bool:
        """Take another picture in hand, of which a packet came; False if it is skipped."""
        if timestamp in self._skipped or extended < self._first:
            return False
        if self.sends:
            self._skipped.append(timestamp)
            return False
        if self._timestamp is not None and not self._begun:
            self._skip_this()
        self._timestamp, self._first = timestamp, extended
        self._bytes = 0  # of it, so far
        self._complete = self._begun = False
        return True

    def _skip_this(self) -> None:
        assert self._timestamp is not None
        self._skipped.append(self._timestamp)
        self._timestamp = None
        self._pending.clear()
