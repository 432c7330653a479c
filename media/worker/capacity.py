"""How much of this worker is in use, and whether it takes more. Time and figures are told to it."""

from shared.errors import ErrorCode, ServiceError

# The limit is held against an average over about this long: a burst of joins is no reason to refuse.
_SMOOTHING_SECONDS = 4.0


class Capacity:
    """`load` is the share of one core used in the last second, `egress_packets` what was sent in it.

    `max_load` is the share from which on nobody new is taken, `max_viewers` a number of viewers (0: any).
    """

    def __init__(self, max_load: float, max_viewers: int) -> None:
        self.load = 0.0
        self.egress_packets = 0.0
        self.draining = False
        self._max_load = max_load
        self._max_viewers = max_viewers
        self._smoothed = 0.0
        self._measured: tuple[float, float, int] | None = None  # when, and the two figures of then

    def measure(self, now: float, used: float, sent: int) -> None:
        """The process has used `used` seconds of CPU and sent `sent` packets. Call it about once a second."""
        if self._measured is not None:
            since, used_before, sent_before = self._measured
            elapsed = now - since
            self.load = (used - used_before) / elapsed
            self.egress_packets = (sent - sent_before) / elapsed
            self._smoothed += (self.load - self._smoothed) * min(1.0, elapsed / _SMOOTHING_SECONDS)
        self._measured = now, used, sent

    @property
    def takes_publishers(self) -> bool:
        return not self.draining and self._smoothed < self._max_load

    def takes_viewers(self, viewers: int) -> bool:
        """Whether one more viewer is taken where there are `viewers`."""
        return self.takes_publishers and not (self._max_viewers and viewers >= self._max_viewers)

    def check_publisher(self) -> None:
        """Raises `ServiceError` WORKER_FULL."""
        if not self.takes_publishers:
            raise ServiceError(ErrorCode.WORKER_FULL, detail=self._why())

    def check_viewer(self, viewers: int) -> None:
        """Raises `ServiceError` WORKER_FULL."""
        if not self.takes_viewers(viewers):
            raise ServiceError(ErrorCode.WORKER_FULL, detail=self._why())

    def _why(self) -> str:
        return "worker drains" if self.draining else "worker is at its limit"
