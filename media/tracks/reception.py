"""Reception statistics of one SSRC, for receiver reports (RFC 3550 6.4.1)."""

from collections.abc import Sequence

from media.rtp.rtcp import ReportBlock, SenderReport

OUR_SSRC = 1  # as a receiver of publishers' media


class ReceptionStats:
    """Loss and jitter of one SSRC (RFC 3550 6.4.1, A.1, A.3, A.8). `now` is in seconds of a steady clock."""

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
        self._received = 0
        self._jitter = 0.0
        self._expected_before = 0
        self._received_before = 0
        self._report_ntp: int | None = None

    @property
    def jitter(self) -> float:
        """Interarrival jitter in seconds (RFC 3550 6.4.1)."""
        return self._jitter / self._clock_rate

    def received(self, sequence: int, timestamps: Sequence[int], now: float) -> None:
        """Count successive packets from that number on, with these timestamps, that arrived at `now`."""
        first, count = timestamps[0], len(timestamps)
        if not self._received:
            self._base = self._highest = sequence  # the latter is extended by the number of wraps
            self._timestamp = first  # of the latest packet
            self._transit = int(now * self._clock_rate) - first & 0xFFFFFFFF
        for timestamp in (first,) if timestamps.count(first) == count else timestamps:
            if timestamp != self._timestamp:
                self._timestamp = timestamp
                self._compare_transit(int(now * self._clock_rate) - timestamp & 0xFFFFFFFF)
        self._received += count
        ahead = sequence + count - 1 - self._highest & 0xFFFF
        if ahead < 0x8000:
            self._highest += ahead

    def _compare_transit(self, transit: int) -> None:
        """Update the jitter, by a frame's first packet: the others share its timestamp, but leave later."""
        change = transit - self._transit & 0xFFFFFFFF
        self._jitter += (min(change, 0x100000000 - change) - self._jitter) / 16
        self._transit = transit

    def sender_report(self, report: SenderReport, now: float) -> None:
        """Note the publisher's report for the next block's LSR and DLSR."""
        self._report_ntp = report.ntp_time
        self._report_arrival = now

    def take_block(self, now: float) -> ReportBlock | None:
        """The report block for the time since the last call; None if nothing was ever received."""
        if not self._received:
            return None
        expected = self._highest - self._base + 1
        expected_since = expected - self._expected_before
        lost_since = max(0, expected_since - (self._received - self._received_before))
        self._expected_before, self._received_before = expected, self._received
        self.loss = lost_since / max(expected_since, 1)
        last_report = delay = 0
        if self._report_ntp is not None:
            last_report = self._report_ntp >> 16 & 0xFFFFFFFF
            delay = min(int((now - self._report_arrival) * 0x10000), 0xFFFFFFFF)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=(lost_since << 8) // max(expected_since, 1),  # the newest came, so it is below 256
            packets_lost=max(-0x800000, min(expected - self._received, 0x7FFFFF)),
            highest_sequence=self._highest & 0xFFFFFFFF,
            jitter=int(self._jitter),
            last_report=last_report,
            delay=delay,
        )
