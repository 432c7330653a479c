"""What sender and receiver reports say: how well a source is received, and when its media plays."""

from media.rtcp import ReportBlock, SenderReport

_NTP_EPOCH = 2_208_988_800  # 1900 to 1970, in seconds
_FOLLOW = 1 / 64  # share of a deviation by which the clock offset follows each report
_STEP_SECONDS = 5.0  # a deviation beyond it is a step of the publisher's clock, not drift or delay


class ReceptionStats:
    """Reception of one SSRC (RFC 3550 6.4.1, A.1, A.3, A.8). `now` is in seconds of a steady clock."""

    __slots__ = (
        "_base",
        "_clock_rate",
        "_expected_before",
        "_highest",
        "_jitter",
        "_received",
        "_received_before",
        "_report_arrival",
        "_report_ntp",
        "_timestamp",
        "_transit",
        "loss",
        "ssrc",
    )

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.loss = 0.0  # share of packets lost between the last two blocks
        self._clock_rate = clock_rate
        self._base = 0
        self._highest = 0  # extended by the number of wraps
        self._received = 0
        self._timestamp = 0  # of the latest packet
        self._transit = 0
        self._jitter = 0.0
        self._expected_before = 0
        self._received_before = 0
        self._report_ntp: int | None = None
        self._report_arrival = 0.0

    def received(self, sequence: int, timestamp: int, now: float) -> None:
        """Count one packet that arrived at `now`."""
        if not self._received:
            self._base = self._highest = sequence
            self._transit = int(now * self._clock_rate) - timestamp & 0xFFFFFFFF
        elif timestamp != self._timestamp:
            self._compare_transit(int(now * self._clock_rate) - timestamp & 0xFFFFFFFF)
        self._timestamp = timestamp
        self._received += 1
        ahead = sequence - self._highest & 0xFFFF
        if ahead < 0x8000:
            self._highest += ahead

    def _compare_transit(self, transit: int) -> None:
        """Jitter, of a frame's first packet: the others were taken at the same instant, but sent later."""
        change = transit - self._transit & 0xFFFFFFFF
        if change >= 0x80000000:
            change = 0x100000000 - change
        self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def sender_report(self, report: SenderReport, now: float) -> None:
        """Remember the publisher's report for the next block's LSR and DLSR."""
        self._report_ntp = report.ntp_time
        self._report_arrival = now

    def take_block(self, now: float) -> ReportBlock | None:
        """The block since the one taken before; None when nothing was ever received."""
        if not self._received:
            return None
        expected = self._highest - self._base + 1
        expected_since = expected - self._expected_before
        lost_since = expected_since - (self._received - self._received_before)
        self._expected_before, self._received_before = expected, self._received
        self.loss = max(0.0, lost_since / expected_since) if expected_since > 0 else 0.0
        last_report = delay = 0
        if self._report_ntp is not None:
            last_report = self._report_ntp >> 16 & 0xFFFFFFFF
            delay = min(int((now - self._report_arrival) * 0x10000), 0xFFFFFFFF)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min((lost_since << 8) // expected_since, 255) if lost_since > 0 else 0,
            packets_lost=max(-0x800000, min(expected - self._received, 0x7FFFFF)),
            highest_sequence=self._highest & 0xFFFFFFFF,
            jitter=int(self._jitter),
            last_report=last_report,
            delay=delay,
        )


class PublisherClock:
    """The offset of a publisher's NTP clock to ours: one for all of its tracks, so that they stay in sync.

    `unix_offset` is what makes `now` of all these calls Unix time, fixed for the life of the process.
    """

    __slots__ = ("_offset", "_unix_offset")

    def __init__(self, unix_offset: float) -> None:
        self._unix_offset = unix_offset
        self._offset: float | None = None

    def ours(self, now: float) -> float:
        """`now` in NTP seconds of our clock."""
        return now + self._unix_offset + _NTP_EPOCH

    def reported(self, ntp_seconds: float, now: float) -> float:
        """An instant of the publisher's clock, told by a report that arrived at `now`, on our clock."""
        measured = self.ours(now) - ntp_seconds
        if self._offset is None or abs(measured - self._offset) > _STEP_SECONDS:
            self._offset = measured
        else:
            self._offset += (measured - self._offset) * _FOLLOW
        return ntp_seconds + self._offset


class SenderClock:
    """When a track's timestamps play: what goes into its sender reports to viewers (RFC 3550 6.4.1).

    All timestamps here are the room's, after translation. The publisher's reports tell the relation of media
    and time exactly; until there is one, the arrival of the latest packet stands in.
    """

    __slots__ = ("_clock_rate", "_ntp", "_publisher", "_reported", "_timestamp")

    def __init__(self, publisher: PublisherClock, clock_rate: int) -> None:
        self._publisher = publisher
        self._clock_rate = clock_rate
        self._reported = False
        self._ntp: float | None = None  # our NTP seconds at which ...
        self._timestamp = 0  # ... the media was at this

    def succeed(self, former: "SenderClock") -> None:
        """Say what `former`, of another publisher, would say, until this one knows better."""
        if former._clock_rate == self._clock_rate:
            self._ntp, self._timestamp = former._ntp, former._timestamp

    def received(self, timestamp: int, now: float) -> None:
        """A packet arrived; one of a burst is enough."""
        if not self._reported:
            self._ntp, self._timestamp = self._publisher.ours(now), timestamp

    def sender_report(self, ntp_time: int, timestamp: int, now: float) -> None:
        """The publisher's report arrived. An NTP time of 0 says that it has no such clock."""
        if ntp_time:
            self._ntp = self._publisher.reported(ntp_time / 0x100000000, now)
            self._timestamp = timestamp
            self._reported = True

    def report_at(self, now: float) -> tuple[int, int] | None:
        """NTP time (64 bits) and timestamp (32 bits) of a report sent at `now`; None before any packet."""
        if self._ntp is None:
            return None
        ntp = self._publisher.ours(now)
        timestamp = self._timestamp + round((ntp - self._ntp) * self._clock_rate)
        return round(ntp * 0x100000000) & 0xFFFFFFFFFFFFFFFF, timestamp & 0xFFFFFFFF
