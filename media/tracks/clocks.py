"""A publisher's clock on ours, and when each track's timestamps play, for sender reports to viewers."""

from msgspec.structs import replace

from media.pure.run import Run as PureRun
from media.rtp.extensions import capture_time
from media.rtp.run import Run

STAMP_SECONDS = 1.0  # from one stamp to the next
_NTP_EPOCH = 2_208_988_800  # 1900 to 1970, in seconds
_FOLLOW = 1 / 64  # share of a deviation by which the clock offset follows each report
_FOLLOW_ROUND_TRIP = 1 / 8
_STEP_SECONDS = 5.0  # a deviation beyond it is a step of the publisher's clock, not drift or delay


class PublisherClock:
    """The offset of a publisher's NTP clock to ours: one for all of its tracks, so that they stay in sync.

    `now` of all these calls plus `unix_offset` is Unix time. The offset is fixed for the life of the process.
    """

    __slots__ = ("_offset", "_round_trip", "unix_offset")

    def __init__(self, unix_offset: float) -> None:
        self.unix_offset = unix_offset
        self._offset: float | None = None
        self._round_trip: float | None = None

    def ours(self, now: float) -> float:
        """`now` in NTP seconds of our clock."""
        return now + self.unix_offset + _NTP_EPOCH

    def reported(self, ntp_seconds: float, now: float) -> float:
        """An NTP time of the publisher, converted to our clock. Its report arrived at `now`.

        The report was on its way for half of a round trip, as far as anybody can tell.
        """
        measured = self.ours(now) - ntp_seconds
        if self._offset is None or abs(measured - self._offset) > _STEP_SECONDS:
            self._offset = measured
        else:
            self._offset += (measured - self._offset) * _FOLLOW
        return ntp_seconds + self._offset - self.way

    @property
    def way(self) -> float:
        """Seconds that packets of the publisher are on the line; 0: not known."""
        return (self._round_trip or 0.0) / 2

    def measured(self, round_trip: float) -> None:
        """Take a round trip to the publisher, in seconds."""
        before = round_trip if self._round_trip is None else self._round_trip
        self._round_trip = before + (round_trip - before) * _FOLLOW_ROUND_TRIP


class SenderClock:
    """When a track's timestamps play: what goes into its sender reports to viewers (RFC 3550 6.4.1).

    All timestamps here are the room's, after translation. The publisher's reports relate timestamps to time
    exactly; before the first report, the arrival of the latest packet is used instead.
    """

    __slots__ = ("_at", "_clock_rate", "_publisher", "_reported")

    def __init__(self, publisher: PublisherClock, clock_rate: int) -> None:
        self._publisher = publisher
        self._clock_rate = clock_rate
        self._reported = False
        self._at: tuple[float, int] | None = None  # our NTP seconds, and the timestamp of the media then

    def of_next_publisher(self) -> PublisherClock:
        """A clock for the publisher that comes after this one's."""
        return PublisherClock(self._publisher.unix_offset)

    def succeed(self, former: "SenderClock") -> None:
        """Continue the clock of another publisher, until this one's packets or reports arrive."""
        if former._clock_rate == self._clock_rate:
            self._at = former._at

    def received(self, timestamp: int, now: float) -> None:
        """A packet arrived; one of a burst is enough."""
        if not self._reported:
            self._at = self._publisher.ours(now) - self._publisher.way, timestamp

    def captured(self, timestamp: int) -> float | None:
        """When what has that timestamp was captured, in our NTP seconds; None before a report."""
        if self._at is None or not self._reported:
            return None
        at, reported = self._at
        since = (timestamp - reported + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        return at + since / self._clock_rate

    def age(self, timestamp: int, now: float) -> float | None:
        """Seconds from that to `now`."""
        captured = self.captured(timestamp)
        return None if captured is None else self._publisher.ours(now) - captured

    def measured(self, round_trip: float) -> None:
        """Take a round trip to the publisher, in seconds: for all of its tracks."""
        self._publisher.measured(round_trip)

    def sender_report(self, ntp_time: int, timestamp: int, now: float) -> None:
        """The publisher's report arrived. An NTP time of 0 means that it has no such clock."""
        if ntp_time:
            self._at = self._publisher.reported(ntp_time / 0x100000000, now), timestamp
            self._reported = True

    def report_at(self, now: float) -> tuple[int, int] | None:
        """NTP time (64 bits) and timestamp (32 bits) of a report sent at `now`; None before any packet."""
        if self._at is None:
            return None
        at, timestamp = self._at
        ntp = self._publisher.ours(now)
        timestamp += round((ntp - at) * self._clock_rate)
        return round(ntp * 0x100000000) & 0xFFFFFFFFFFFFFFFF, timestamp & 0xFFFFFFFF


class CaptureStamps:
    """Writes into one packet a second of a track when it was captured: receivers reckon the others' times."""

    __slots__ = ("_clock", "_element", "due_at")

    def __init__(self, clock: SenderClock, element: int) -> None:
        """`element` is the room's id of the header extension."""
        self._clock = clock
        self._element = element
        self.due_at = 0.0

    def stamped(self, run: Run, now: float) -> list[Run]:
        """The run with a stamp in its first packet; as it is, if nobody knows when that was captured."""
        self.due_at = now + STAMP_SECONDS
        captured = self._clock.captured(run.timestamps()[0])
        if captured is None:
            return [run]
        packet = run.packet(0)
        element = self._element, capture_time(captured)
        first = PureRun.of([replace(packet, extensions=(*packet.extensions, element))])
        first.number(run.track, run.ssrc, run.first, run.shift)
        return [first, run.part(1, len(run))] if len(run) > 1 else [first]
