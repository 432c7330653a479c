"""How much of this worker is in use, and whether it accepts more. It is given the time and the figures."""

from shared.errors import ErrorCode, ServiceError

# The limit applies to an average over about this time, so that a burst of joins is not refused.
_SMOOTHING_SECONDS = 4.0


class Capacity:
    """`load` is the share of one core used in the last second, `egress_packets` and `egress_bits` what was
    sent a second, `egress_share` the used share of what may be sent; None: not known.

    When `max_load` of one of the two shares is in use, new publishers and viewers are refused. `max_viewers`
    and `max_egress`, in bits a second: 0 is no limit.
    """

    def __init__(self, max_load: float, max_viewers: int, max_egress: int = 0) -> None:
        self.load = 0.0
        self.egress_packets = 0.0
        self.egress_bits = 0.0
        self.egress_share = 0.0 if max_egress else None
        self.draining = False  # it takes nobody new
        self._max_load = max_load
        self._max_viewers = max_viewers
        self._max_egress = max_egress
        self._smoothed = 0.0
        self._measured: tuple[float, float, int, int] | None = None  # when, and the totals at that time

    def measure(self, now: float, used: float, sent: int, octets: int, card: float | None = None) -> None:
        """Take the process's totals: `used` seconds of CPU, `sent` packets with so many `octets`.

        `card`: the used share of the host's card, if that is the limit. Call it about once a second.
        """
        if self._measured is not None:
            since, used_before, sent_before, octets_before = self._measured
            elapsed = now - since
            self.load = (used - used_before) / elapsed
            self.egress_packets = (sent - sent_before) / elapsed
            self.egress_bits = 8 * (octets - octets_before) / elapsed
            self.egress_share = self.egress_bits / self._max_egress if self._max_egress else card
            fullest = max(self.load, self.egress_share or 0.0)
            self._smoothed += (fullest - self._smoothed) * min(1.0, elapsed / _SMOOTHING_SECONDS)
        self._measured = now, used, sent, octets

    @property
    def takes_publishers(self) -> bool:
        return not self.draining and self._smoothed < self._max_load

    def takes_viewers(self, viewers: int) -> bool:
        """Whether one more viewer is accepted beside `viewers`."""
        return self.takes_publishers and not (self._max_viewers and viewers >= self._max_viewers)

    def check_publisher(self) -> None:
        """Raises `ServiceError` WORKER_FULL if no publisher is accepted."""
        if not self.takes_publishers:
            raise ServiceError(ErrorCode.WORKER_FULL, detail=self._why())

    def check_viewer(self, viewers: int) -> None:
        """Raises `ServiceError` WORKER_FULL if no viewer is accepted beside `viewers`."""
        if not self.takes_viewers(viewers):
            raise ServiceError(ErrorCode.WORKER_FULL, detail=self._why())

    def _why(self) -> str:
        if self.draining:
            return "worker is draining"
        if not self.takes_publishers and (self.egress_share or 0.0) > self.load:
            return "the worker's line is at its limit"
        return "worker is at its limit"
