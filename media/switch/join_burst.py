"""One viewer's way from a keyframe to the live edge: paced, and without a gap."""

from collections import deque

from media.rtp.run import Run, between
from media.switch.rendition import PACKET_OVERHEAD
from media.switch.run_queue import insert, split

SPEED = 5  # times the stream's bit rate
MIN_BITRATE = 10_000_000  # bit/s
START_BYTES = 16 * 1024  # at once
# From one call of `take` to the next: each costs a wake-up, so that few are better, but what comes at once
# must fit into the buffers of receivers and lines.
STEP_BYTES = 32 * 1024
MIN_STEP_SECONDS, MAX_STEP_SECONDS = 0.010, 0.020
MAX_PAUSE_SECONDS = 0.050  # a longer pause between two calls is not made up for
MOST_SECONDS = 3.0  # until the live edge is reached, at any bit rate of the stream
MOST_PACED_SECONDS = 1.0  # a picture that is paced stays so close to the live edge
_A_PACKET = 1.0  # bytes of credit: what goes out may owe the rest of itself


class JoinBurst:
    """The packets of one track for a viewer that is behind. `now` is in seconds of a steady clock.

    Before it begins, live packets are not for this viewer. Afterwards they queue up behind the held ones.
    """

    __slots__ = (
        "_bytes",
        "_credit",
        "_ends_at",
        "_overhead",
        "_pending",
        "_rate",
        "_taken_at",
        "is_first",
        "next_index",
        "not_before",
        "paces",
        "track",
    )

    _rate: float  # bit/s at least
    _taken_at: float
    _ends_at: float

    def __init__(self, track: int) -> None:
        self.track = track
        self.next_index = 0  # packets below it were sent, or came before the viewer's start
        self.not_before: int | None = None  # its viewer has had what is before that index; None: nothing
        self.is_first = True  # of its viewer, which has got nothing of the track
        self.paces = False  # what follows, too: a narrow line may have no queue for a whole picture
        self._pending: deque[Run] | None = None
        self._bytes = 0
        self._overhead = 0  # of each packet, that counts in the rate
        self._credit = float(START_BYTES)

    @property
    def begun(self) -> bool:
        return self._pending is not None

    def was_sent(self, index: int, start: int) -> bool:
        """Whether a packet of the viewer, which began at `start`, was sent, or is to be sent live."""
        return start <= index < self.next_index

    def may_wait(self, now: float) -> bool:
        """Whether there is time to send what is due later."""
        return now < self._ends_at

    @property
    def pause(self) -> float:
        """Seconds from one call of `take` to the next."""
        if self._rate * MAX_STEP_SECONDS <= STEP_BYTES * 8:
            return MAX_STEP_SECONDS
        return max(STEP_BYTES * 8 / self._rate, MIN_STEP_SECONDS)

    @property
    def caught_up(self) -> bool:
        return self.is_empty and not self.paces

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self.begun and not self._pending

    def pace(self, rate: float) -> None:
        """Go on at `rate` bit/s, also when the live edge is reached; 0: as fast as now, until then."""
        self._rate, self.paces = rate or self._rate, rate > 0

    def begin(self, held: list[Run], bitrate: float, now: float) -> None:
        """Queue the `held` runs, at least one, of a stream of `bitrate` bit/s."""
        self._pending = deque(held)
        self._bytes = sum(run.octets for run in held)
        self._rate = max(SPEED * bitrate, MIN_BITRATE)
        self._taken_at, self._ends_at = now, now + MOST_SECONDS
        self.next_index = held[0].first

    def begin_at(self, index: int, rate: float, now: float) -> None:
        """Take the packets from `index` on, at `rate` bit/s with their overhead.

        A keyframe must not overflow a narrow line.
        """
        self._pending = deque()
        self._overhead = PACKET_OVERHEAD
        self.is_first = False
        self._rate, self._credit, self.paces = rate, _A_PACKET, True  # at once
        self._taken_at, self._ends_at = now, now + MOST_SECONDS
        self.next_index = index

    @property
    def late(self) -> float:
        """The seconds by which what comes now leaves later."""
        return self._bytes * 8 / self._rate if self._pending else 0.0

    def spend(self, octets: int) -> None:
        """Take that something else took so much of the line: what waits is sent later."""
        self._credit -= octets

    def owes(self, now: float) -> bool:
        """Whether more was sent than the pace allows by now."""
        return self._credit + (now - self._taken_at) * self._rate / 8 < 0

    def add(self, run: Run) -> None:
        """Queue a live run. Ignored before the burst begins, and what is of before it."""
        after = run.first + len(run)
        if self._pending is None or after <= self.next_index:
            return
        run = between(run, max(run.first, self.next_index), after)
        self._bytes += run.octets + self._overhead * len(run)
        insert(self._pending, run)

    def take(self, now: float) -> list[Run]:
        """The runs to send at `now`."""
        if self._pending is None:
            return []
        left = MOST_PACED_SECONDS if self.paces else self._ends_at - now
        if left > MAX_PAUSE_SECONDS:
            rate = max(self._rate, self._bytes * 8 / left)
            self._credit += min(now - self._taken_at, MAX_PAUSE_SECONDS) * rate / 8
        else:
            self._credit = float(self._bytes)
        self._taken_at = now
        if not self._pending:  # what is owed is paid, and nothing is saved
            self._credit = min(self._credit, _A_PACKET)
        runs = []
        while self._pending and self._credit > 0:
            run, octets = split(self._pending, self._credit, self._overhead)
            self._credit -= octets
            self._bytes -= octets
            self.next_index = run.first + len(run)
            runs.append(run)
        return runs
