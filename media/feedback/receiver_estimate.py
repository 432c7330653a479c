"""How much a publisher may send, if it supports REMB only (draft-alvestrand-rmcat-remb-03).

Loss alone decides, by the thresholds of draft-ietf-rmcat-gcc-02 section 6.
"""

_START = 1_000_000
FLOOR, CEILING = 100_000, 50_000_000  # what REMB allows a publisher to send, at least and at most
_LITTLE_LOSS, _MUCH_LOSS = 0.02, 0.10
_GROWTH = 0.08  # share of the estimate, a second
_STEP = 50_000  # plus this, a second, so that a small estimate grows too
_MOST_SECONDS = 2.0  # the most time for which one report lets it grow
_HEADROOM = 2.0  # the estimate may grow to this multiple of the received bit rate: more is untested


class ReceiverEstimate:
    """Bit rates are in bits a second, `now` in seconds of a steady clock."""

    __slots__ = ("_octets", "_reported_at", "bitrate")

    def __init__(self, octets: int, now: float) -> None:
        """`octets` are the bytes received so far."""
        self._octets = octets
        self._reported_at = now
        self.bitrate = _START

    def report(self, octets: int, loss: float, now: float) -> int:
        """The new estimate. `octets` are the bytes received so far.

        `loss` is the share of packets lost since the last call, 0 to 1. Call it about once a second.
        """
        elapsed = now - self._reported_at
        if elapsed <= 0:
            return self.bitrate
        received = (octets - self._octets) * 8 / elapsed
        self._octets, self._reported_at = octets, now
        estimate = float(self.bitrate)
        if loss > _MUCH_LOSS:
            estimate = min(estimate, received / (1 - min(loss, 0.5))) * (1 - loss / 2)
        elif loss < _LITTLE_LOSS:
            seconds = min(elapsed, _MOST_SECONDS)
            grown = estimate * (1 + _GROWTH * seconds) + _STEP * seconds
            estimate = max(estimate, min(grown, received * _HEADROOM))
        self.bitrate = min(max(round(estimate), FLOOR), CEILING)
        return self.bitrate
