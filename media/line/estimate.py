"""What a viewer's line carries, by what its receiver says: REMB, or else its receiver reports.

REMB says nothing while it grows: it does so slowly, to 1.5 times what comes in. Its **fall** is a sign that the line
is congested, and says how much came through. Receivers measure 0.85 of that, so that their queue drains. Sound is not
in it: browsers count pictures and retransmissions only.
"""

import math
from collections import deque

FALL = 0.97  # of the former REMB: browsers send one at once when it falls that far
SIGN_SECONDS = 0.5  # for so long a sign of congestion is fresh
LEAST = 20_000.0  # bit/s beside sound: no line that has a session carries less, whatever a viewer claims
_TRICKLE = 25_000.0  # bit/s: of what is less than that a receiver learns nothing

_KEPT_SECONDS = 3.0  # of what was sent
_PROOF_SECONDS = 2.0  # media sent for so long without a sign fits
_EXCESS = 1.1  # more than what is known to fit
_AT_ONCE = 0.5  # of what the line carried, one sign leaves at least: a second one comes if that is too much
_DOUBT = 0.95  # of that, after each sign
_DEEP = 0.4  # a REMB below this share of what comes in does not follow the line: it fell while little was sent
_FLAT = 3  # REMBs that do not grow although they could
_BOUND = 1.2  # a REMB above this multiple of what is sent need not grow: 1.5 is its limit
_LOWERED = 0.6  # we send this share of what we did
_MIRROR = 0.7  # REMB of this share of what we sent a moment ago says that all came through

_MUCH_LOSS, _SOME_LOSS, _LITTLE_LOSS = 0.10, 0.05, 0.02  # draft-ietf-rmcat-gcc-02 6
_SAME_LOSS = 0.8  # loss that stays although less is sent is not congestion
_LESS = 0.75
_BASE_DECAY = 0.9  # with each report
_QUEUE_SECONDS, _LONG_QUEUE_SECONDS = 0.12, 0.25  # growth of the round trip over the shortest one
_RTT_GROWS = 1.01  # with each report, so that a shortest round trip is forgotten
_MARGIN = 0.95


class LineEstimate:
    """`now` is in seconds of a steady clock, rates are in bit/s.

    `carries` is what the line carries, sound included; infinite while nothing says otherwise. `congested` says that
    a sign of congestion is fresh, `signs` counts them. `vouched_at` is when a REMB said last that all comes through.
    """

    __slots__ = (
        "_base_loss",
        "_bad_reports",
        "_flat",
        "_judged",
        "_lowest_rtt",
        "_proven",
        "_remb",
        "_sent",
        "_suspect",
        "_sign_at",
        "carries",
        "congested",
        "signs",
        "vouched_at",
    )

    def __init__(self, now: float) -> None:
        self.carries = math.inf
        self.congested = False
        self.signs = 0
        self._proven = 0.0  # is known to fit
        self._sign_at = -math.inf
        self._sent: deque[tuple[float, int, int]] = deque()  # (when, octets, octets of sound)
        self._remb: float | None = None
        self._flat = 0  # REMBs one after the other that did not grow although they could
        self.vouched_at = now
        self._base_loss = 0.0  # that is there however little is sent
        self._bad_reports = 0  # one after the other
        self._judged: tuple[float, float] | None = None  # (rate, loss) when loss was last taken for congestion
        self._lowest_rtt = math.inf
        self._suspect = False  # the last report shows that the line may be full

    @property
    def has_remb(self) -> bool:
        """Whether the receiver estimates by itself."""
        return self._remb is not None

    # --- what the receiver says

    def remb(self, bitrate: int, now: float) -> None:
        """Take a REMB. A hostile one lowers `carries` to `LEAST` at most, and never raises it."""
        former, self._remb = self._remb, float(bitrate)
        sound, pictures = self._rates(now, 1.0)
        if former is None or bitrate > former or bitrate > _BOUND * self._rates(now - 0.1, 0.4)[1]:
            self._flat = 0
            self.vouched_at = self.vouched_at if self._suspect else now
        elif bitrate > _DEEP * pictures:
            self._flat += 1
        if former is None:
            if bitrate < pictures * FALL:
                self._fall(bitrate + sound, now)
        elif bitrate < former * FALL and not self._is_mirror(bitrate, pictures, now):
            self._fall(bitrate + sound, now)

    def _is_mirror(self, bitrate: float, pictures: float, now: float) -> bool:
        """Whether a REMB falls only because we send little: a receiver takes what came in the last second."""
        if pictures < _TRICKLE:
            return True
        lately, before = self._total(now, 0.4), self._total(now - 0.4, 1.0)
        known = before if self.carries == math.inf else max(before, self.carries)
        return lately < known * _LOWERED and bitrate > pictures * _MIRROR

    def report(self, loss: float, rtt: float, now: float) -> None:
        """Take a receiver report: the share of packets lost, 0 to 1, and the round trip; 0: unknown.

        A receiver's estimate is blind to a queue that is full and stays so: loss and round trip are not.
        """
        queue = 0.0
        if rtt > 0:
            self._lowest_rtt = min(rtt, self._lowest_rtt * _RTT_GROWS)
            queue = rtt - self._lowest_rtt
        if loss < self._base_loss * _LESS:
            self._base_loss = loss
        lost = max(0.0, loss - self._base_loss)
        self._suspect = queue > _QUEUE_SECONDS or lost > _SOME_LOSS
        if rtt > 0 and not self._suspect:
            self._flat, self.vouched_at = 0, max(self.vouched_at, now - rtt)
        bad = queue > _LONG_QUEUE_SECONDS or lost > _MUCH_LOSS or (lost > _LITTLE_LOSS and queue > _QUEUE_SECONDS)
        self._bad_reports = self._bad_reports + 1 if bad else 0
        at_once = lost > _MUCH_LOSS and queue > _QUEUE_SECONDS
        if not at_once and self._bad_reports < 2:
            return
        rate = self._total(now, 1.0)
        if self._judged is not None and queue <= _QUEUE_SECONDS:
            former_rate, former_loss = self._judged
            if rate < former_rate * _LESS and loss > former_loss * _SAME_LOSS:
                self._base_loss, self._bad_reports, self._suspect = loss, 0, False
                return
        self._judged = (rate, loss)
        self._fall(rate * (1 - lost) * _MARGIN, now)

    def _fall(self, told: float, now: float) -> None:
        """A sign of congestion. It speaks of what was sent; what is known to fit still does, if that was more."""
        self._sign_at, self.congested = now, True
        self.signs += 1
        most = max(self._total(now - shift, 0.4) for shift in (0.0, 0.2, 0.4, 0.6, 0.8))
        self._proven = 0.0 if most <= self._proven * _EXCESS else self._proven * _DOUBT
        least = 0.0 if self.carries == math.inf else self.carries * _AT_ONCE
        self.carries = max(self._rates(now, 1.0)[0] + LEAST, min(self.carries, max(told, self._proven, least)))

    # --- what we sent

    def sent(self, octets: int, sound: int, now: float) -> None:
        """Take how many octets were sent so far, `sound` of them of sound. Called about ten times a second."""
        samples = self._sent
        samples.append((now, octets, sound))
        while samples[0][0] < now - _KEPT_SECONDS:
            samples.popleft()
        self.congested = now - self._sign_at < SIGN_SECONDS
        if not self.stalls and now - self._sign_at >= _PROOF_SECONDS and now - samples[0][0] >= _PROOF_SECONDS:
            self.fits(self._total(now, _PROOF_SECONDS))

    def fits(self, rate: float) -> None:
        """Learn that the line carries `rate`: it was sent without a sign of congestion."""
        self._proven = rate if rate > self._proven else self._proven
        self.carries = max(self.carries, rate)

    @property
    def suspect(self) -> bool:
        """Whether the last receiver report shows a queue, or loss."""
        return self._suspect

    @property
    def stalls(self) -> bool:
        """Whether the line seems to be full: REMB does not grow although it could, or a report shows a queue."""
        return self._suspect or self._flat >= _FLAT

    def rate(self, now: float) -> float:
        """What was sent in the last second."""
        return self._total(now, 1.0)

    def _total(self, until: float, seconds: float) -> float:
        return sum(self._rates(until, seconds))

    def _rates(self, until: float, seconds: float) -> tuple[float, float]:
        """Of sound and of all else, in the time of `seconds` that ended at `until`."""
        first = last = None
        for sample in self._sent:
            if sample[0] <= until - seconds + 0.001 or first is None:
                first = sample
            if sample[0] <= until + 0.001:
                last = sample
        if first is None or last is None or last[0] <= first[0]:
            return 0.0, 0.0
        span = last[0] - first[0]
        sound = (last[2] - first[2]) * 8 / span
        return sound, (last[1] - first[1]) * 8 / span - sound
