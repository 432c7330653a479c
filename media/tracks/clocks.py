"""A publisher's clock on ours, and when each track's timestamps play, for sender reports to viewers."""

import math

from msgspec.structs import replace

from media.pure.run import Run as PureRun
from media.rtp.extensions import capture_time
from media.rtp.run import Run
from media.rtp.sequence import signed

STAMP_SECONDS = 1.0  # from one stamp to the next
_NTP_EPOCH = 2_208_988_800  # 1900 to 1970, in seconds
# Queues only add to a way, so what came fastest tells most, and counts at once. Slower ones are followed by a
# share of the deviation: the way may have become longer, and clocks drift.
_FOLLOW = 1 / 64
_FOLLOW_ROUND_TRIP = 1 / 32  # as fast, since reports are twice as many
_STEP_SECONDS = 5.0  # a deviation beyond it is a step of the publisher's clock, not drift or delay


class PublisherClock:
    """The offset of a publisher's NTP clock to ours: one for all of its tracks, so that they stay in sync.

    It has two parts: `_base` is for the next reports, and `_shift` for those that have come, too.

    `now` of all these calls plus `unix_offset` is Unix time. The offset is fixed for the life of the process.
    """

    __slots__ = ("_base", "_shift", "round_trip", "unix_offset")

    def __init__(self, unix_offset: float) -> None:
        self.unix_offset = unix_offset
        self._base: float | None = None
        self._shift = 0.0
        self.round_trip: float | None = None  # in seconds; None: not known

    def ours(self, now: float) -> float:
        """`now` in NTP seconds of our clock."""
        return now + self.unix_offset + _NTP_EPOCH

    def reported(self, ntp_seconds: float, now: float) -> float:
        """Take a report of the publisher, which arrived at `now`; returns its NTP time for `dated`."""
        measured = self.ours(now) - ntp_seconds - self._shift
        if self._base is None or abs(late := measured - self._base) > _STEP_SECONDS:
            self._base = measured
        else:
            self._shift += late if late < 0 else late * _FOLLOW
        return ntp_seconds + self._base

    def dated(self, reported: float) -> float:
        """When that was, in NTP seconds of our clock, by what is known now.

        A report is on its way for half of a round trip, as far as anybody can tell.
        """
        return reported + self._shift - self.way

    @property
    def way(self) -> float:
        """Seconds that packets of the publisher are on the line; 0: not known."""
        return (self.round_trip or 0.0) / 2

    def measured(self, round_trip: float) -> None:
        """Take a round trip to the publisher, in seconds."""
        if self.round_trip is None or round_trip < self.round_trip:
            self.round_trip = round_trip
        else:
            self.round_trip += (round_trip - self.round_trip) * _FOLLOW_ROUND_TRIP


class SenderClock:
    """When a track's timestamps play: what goes into its sender reports to viewers (RFC 3550 6.4.1).

    All timestamps here are the room's, after translation. The publisher's reports relate timestamps to time
    exactly; before the first report, the arrival of the latest packet is used instead.
    """

    __slots__ = ("_clock_rate", "_known", "_reported", "publisher")

    def __init__(self, publisher: PublisherClock, clock_rate: int) -> None:
        self.publisher = publisher  # that of all its tracks
        self._clock_rate = clock_rate
        self._reported = False
        # the timestamp of some media, and when it was captured: for `dated`, or before a report by our clock
        self._known: tuple[float, int] | None = None

    def succeed(self, former: "SenderClock") -> None:
        """Continue the clock of another publisher, until this one's packets or reports arrive."""
        if former._clock_rate == self._clock_rate:
            self._known = former._at

    @property
    def _at(self) -> tuple[float, int] | None:
        """Our NTP seconds, and the timestamp of the media then; None before any packet."""
        if self._known is None or not self._reported:
            return self._known
        at, timestamp = self._known
        return self.publisher.dated(at), timestamp

    def received(self, timestamp: int, now: float) -> None:
        """A packet arrived; one of a burst is enough."""
        if not self._reported:
            self._known = self.publisher.ours(now) - self.publisher.way, timestamp

    def captured(self, timestamp: int, now: float) -> float | None:
        """When what has that timestamp, and came at `now`, was captured, in our NTP seconds.

        None before a report, also before the next one after a pause that timestamps cannot tell: 6.6 h of a
        picture, 12.4 h of sound.
        """
        if self._at is None or not self._reported:
            return None
        at, reported = self._at
        if (self.publisher.ours(now) - at) * self._clock_rate >= 0x80000000:
            return None
        return at + signed(timestamp - reported) / self._clock_rate

    def age(self, timestamp: int, now: float) -> float | None:
        """Seconds from that to `now`."""
        captured = self.captured(timestamp, now)
        return None if captured is None else self.publisher.ours(now) - captured

    def sender_report(self, ntp_time: int, timestamp: int, now: float) -> None:
        """The publisher's report arrived. An NTP time of 0 means that it has no such clock."""
        if ntp_time:
            self._known = self.publisher.reported(ntp_time / 0x100000000, now), timestamp
            self._reported = True

    def forget_reports(self) -> None:
        """What was reported holds no longer: media plays when it comes, until the next report."""
        self._known, self._reported = self._at, False

    def report_at(self, now: float) -> tuple[int, int] | None:
        """NTP time (64 bits) and timestamp (32 bits) of a report sent at `now`; None before any packet."""
        if self._at is None:
            return None
        at, timestamp = self._at
        ntp = self.publisher.ours(now)
        timestamp += round((ntp - at) * self._clock_rate)
        return round(ntp * 0x100000000) & 0xFFFFFFFFFFFFFFFF, timestamp & 0xFFFFFFFF


class CaptureStamps:
    """Writes into one packet a second of a track when it was captured: receivers reckon the others' times."""

    __slots__ = ("_clock", "_element", "due_at")

    def __init__(self, clock: SenderClock, element: int) -> None:
        """`element` is the room's id of the header extension."""
        self._clock = clock
        self._element = element
        self.due_at = -math.inf

    def stamped(self, run: Run, now: float) -> list[Run]:
        """The run with a stamp in its first packet; as it is, if nobody knows when that was captured."""
        self.due_at = now + STAMP_SECONDS
        captured = self._clock.captured(run.timestamps()[0], now)
        if captured is None:
            return [run]
        packet = run.packet(0)
        element = self._element, capture_time(captured)
        first = PureRun.of([replace(packet, extensions=(*packet.extensions, element))])
        first.number(run.track, run.ssrc, run.first, run.shift)
        return [first, run.part(1, len(run))] if len(run) > 1 else [first]
