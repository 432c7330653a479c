"""How much may be retransmitted to one viewer: a share of its media, and no packet again too soon.

A viewer on a very bad line, or one that sends requests without end, must not slow down the other viewers.
"""

from media.line.round_trips import ShortestRoundTrip
from media.token_bucket import TokenBucket

SHARE = 0.25  # of the viewer's media, in bytes
BURST_BYTES = 128 * 1024  # 0.4 s of a stream of 2.5 Mbit/s may be lost at once
ASKS_PER_SECOND = 1000
BURST_ASKS = 500

# Not sooner, and after so long in any case: a viewer may answer as late as it likes, and repeats are held
_MIN_REPEAT_SECONDS, MAX_REPEAT_SECONDS = 0.020, 1.0
_JITTER_SHARE = 0.5  # of the shortest round trip: viewers ask again after one, give or take so much


class RetransmitBudget:
    """The budget of one viewer. `now` is in seconds of a steady clock."""

    __slots__ = ("_asks", "_credit", "_media", "_repeat", "_resent", "_shortest")

    def __init__(self, now: float) -> None:
        self._shortest = ShortestRoundTrip()
        self._repeat = _MIN_REPEAT_SECONDS
        self._credit = float(BURST_BYTES)
        self._media = 0
        self._asks = TokenBucket(ASKS_PER_SECOND, BURST_ASKS, now)
        self._resent: dict[tuple[int, int], float] = {}  # (track, index) -> when, oldest first

    def measured(self, rtt: float, now: float) -> None:
        """Take a round trip that was measured just now, in seconds.

        With its queue: a packet that waits there is requested again, too, and would only make it longer.
        """
        margin = self._shortest.take(rtt, now) * _JITTER_SHARE
        self._repeat = min(max(_MIN_REPEAT_SECONDS, rtt - margin), MAX_REPEAT_SECONDS)

    def admit(self, asks: int, now: float) -> int:
        """How many of `asks` requested sequence numbers to look up. The rest are refused."""
        admitted = min(asks, int(self._asks.left(now)))
        self._asks.spend(admitted)
        return admitted

    def take(self, track: int, extended: int, size: int, media: int, now: float) -> bool:
        """Whether to retransmit that packet of `size` bytes. If so, it is counted.

        `media` is what the viewer was sent so far, in bytes, without retransmissions.
        """
        self._credit = min(BURST_BYTES, self._credit + (media - self._media) * SHARE)
        self._media = media
        self._forget(now - self._repeat)
        key = (track, extended)
        if size > self._credit or key in self._resent:
            return False
        self._credit -= size
        self._resent[key] = now
        return True

    def _forget(self, until: float) -> None:
        while self._resent:
            oldest = next(iter(self._resent))
            if self._resent[oldest] > until:
                return
            del self._resent[oldest]
