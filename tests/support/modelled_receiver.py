"""How a browser judges the line that it receives on: a model of the estimate that it sends as REMB.

After draft-ietf-rmcat-gcc-02, in its receive-side form with abs-send-time: a Kalman filter follows how the
one-way delay grows from one group of packets to the next, a detector with an adaptive threshold finds
over-use, and a controller raises and lowers the rate. Sound is not counted, as browsers do not.
"""

import math
from collections import deque

GROUP_SECONDS = 0.005
FRAME_SECONDS = 1 / 30
BACK_OFF = 0.85
REMB_SECONDS = 0.2
FORGET_SECONDS = 2.0  # without a packet


class DelayGrowth:
    """Whether the one-way delay grows: 1 over-use, -1 under-use, 0 neither; in ms and bytes."""

    def __init__(self) -> None:
        self._groups: list[list[float]] = []  # first and last sent, last arrival, size; two at most
        self._slope, self._offset, self._before = 8 / 512, 0.0, 0.0
        self._errors = [[100.0, 0.0], [0.0, 0.1]]
        self._mean, self._variance = 0.0, 50.0
        self._deltas = 0
        self._threshold, self._looked_at = 12.5, -1.0
        self._over_for, self._over = -1.0, 0
        self.state = 0

    def take(self, sent: float, arrived: float, size: int) -> None:
        groups = self._groups
        if groups and (
            sent - groups[-1][0] <= GROUP_SECONDS * 1e3 or self._is_burst(groups[-1], sent, arrived)
        ):
            group = groups[-1]
            group[1], group[2], group[3] = max(group[1], sent), arrived, group[3] + size
            return
        if len(groups) == 2:
            former, latter = groups
            self._filter(latter[2] - former[2], latter[1] - former[1], latter[3] - former[3], latter[2])
            del groups[0]
        groups.append([sent, sent, arrived, float(size)])

    @staticmethod
    def _is_burst(group: list[float], sent: float, arrived: float) -> bool:
        apart = arrived - group[2]
        return apart <= 5 and apart - (sent - group[1]) < 0

    def _filter(self, arrived: float, sent: float, size: float, now: float) -> None:
        self._deltas = min(self._deltas + 1, 60)
        errors = self._errors
        errors[0][0] += 1e-13
        errors[1][1] += 1e-3
        if (self.state > 0 and self._offset < self._before) or (
            self.state < 0 and self._offset > self._before
        ):
            errors[1][1] += 1e-2
        gain0 = errors[0][0] * size + errors[0][1]
        gain1 = errors[1][0] * size + errors[1][1]
        residual = arrived - sent - self._slope * size - self._offset
        if self.state == 0:
            self._follow_noise(residual, sent)
        total = self._variance + size * gain0 + gain1
        gain0, gain1 = gain0 / total, gain1 / total
        (a, b), (c, d) = errors
        errors[0] = [(1 - gain0 * size) * a - gain0 * c, (1 - gain0 * size) * b - gain0 * d]
        errors[1] = [-gain1 * size * a + (1 - gain1) * c, -gain1 * size * b + (1 - gain1) * d]
        self._before = self._offset
        self._slope += gain0 * residual
        self._offset += gain1 * residual
        self._detect(sent, now)

    def _follow_noise(self, residual: float, sent: float) -> None:
        most = 3 * math.sqrt(self._variance)
        residual = max(-most, min(most, residual))
        keep = 0.99 ** (max(sent, 1) * 30 / 1000)
        self._mean = keep * self._mean + (1 - keep) * residual
        self._variance = max(1.0, keep * self._variance + (1 - keep) * (self._mean - residual) ** 2)

    def _detect(self, sent: float, now: float) -> None:
        growth = self._deltas * self._offset
        if growth > self._threshold:
            self._over_for = sent / 2 if self._over_for < 0 else self._over_for + sent
            self._over += 1
            if self._over_for > 10 and self._over > 1 and self._offset >= self._before:
                self._over_for, self._over, self.state = 0.0, 0, 1
        else:
            self._over_for, self._over = -1.0, 0
            self.state = -1 if growth < -self._threshold else 0
        if abs(growth) <= self._threshold + 15:
            step = 0.039 if abs(growth) < self._threshold else 0.0087
            seconds = min(now - self._looked_at, 100.0) if self._looked_at >= 0 else 0.0
            self._threshold += step * (abs(growth) - self._threshold) * seconds
            self._threshold = max(6.0, min(600.0, self._threshold))
        self._looked_at = now


class ModelledEstimate:
    """`take` each packet of picture or padding: it gives a REMB in bit/s when one leaves, or None."""

    def __init__(self) -> None:
        self._growth = DelayGrowth()
        self._window: deque[tuple[float, int]] = deque()
        self._bits = 0.0
        self._began_at = self._first_at = self._last_at = -1.0
        self._rate: float | None = None
        self._capacity: float | None = None
        self._deviation = 0.4
        self._has_rate = False
        self._changed_at = self._updated_at = self._sent_at = -math.inf
        self._holds = True
        self._told = math.inf
        self._due: float | None = None

    def take(self, sent: float, arrived: float, size: int) -> float | None:
        if arrived - self._last_at > FORGET_SECONDS:
            self._growth = DelayGrowth()
        self._last_at = arrived
        if self._began_at < 0:
            self._began_at = arrived
        if self._incoming(arrived) is not None:
            self._has_rate = True
        elif self._has_rate or not self._window:  # after a silence only what comes now counts
            self._window.clear()
            self._bits, self._first_at, self._has_rate = 0.0, arrived, False
        self._window.append((arrived, size * 8))
        self._bits += size * 8
        self._growth.take(sent * 1e3, arrived * 1e3, size)
        over = self._growth.state > 0
        incoming = self._incoming(arrived)
        may = arrived - self._changed_at >= 0.2 or (
            self._rate is not None and incoming is not None and incoming < 0.5 * self._rate
        )
        if (over and may) or arrived - self._updated_at >= REMB_SECONDS:
            self._update(arrived)
        due, self._due = self._due, None
        return due

    def _incoming(self, now: float) -> float | None:
        while self._window and self._window[0][0] <= now - 1.0:
            self._bits -= self._window.popleft()[1]
        if len(self._window) < 2:
            return None
        return self._bits / min(1.0, now - self._first_at + 0.001)

    def _update(self, now: float) -> None:
        incoming = self._incoming(now)
        self._updated_at = now
        state = self._growth.state
        if self._rate is None:
            if incoming is None or (state <= 0 and now - self._began_at < 5.0):
                return
            self._rate = incoming
        if incoming is None:
            pass
        elif state > 0:
            self._lower(incoming, now)
        elif state == 0:
            if self._holds:  # it grows from the second update without under-use on: jitter holds it for long
                self._holds, self._changed_at = False, now
            self._raise(incoming, min(now - self._changed_at, 1.0))
            self._changed_at = now
        else:
            self._holds = True
        if self._rate < self._told * 0.97 or now - self._sent_at >= REMB_SECONDS - 0.001:
            self._told, self._sent_at, self._due = self._rate, now, self._rate

    def _bound(self, sign: int) -> float:
        assert self._capacity is not None
        return self._capacity + sign * 3 * math.sqrt(self._deviation * self._capacity)

    def _lower(self, incoming: float, now: float) -> None:
        assert self._rate is not None
        lowered = max(incoming * BACK_OFF - 5000, 5000)
        if lowered > self._rate and self._capacity is not None:
            lowered = BACK_OFF * self._capacity * 1e3
        self._rate = min(self._rate, lowered)
        kbit = incoming / 1e3
        if self._capacity is not None and kbit < self._bound(-1):
            self._capacity = None
        if self._capacity is None:
            self._capacity = kbit
        else:
            error = self._capacity - kbit
            self._capacity += 0.05 * (kbit - self._capacity)
            self._deviation = 0.95 * self._deviation + 0.05 * error**2 / max(self._capacity, 1.0)
            self._deviation = max(0.4, min(2.5, self._deviation))
        self._holds, self._changed_at = True, now

    def _raise(self, incoming: float, seconds: float) -> None:
        assert self._rate is not None
        if self._capacity is not None and incoming / 1e3 > self._bound(1):
            self._capacity = None
        most = 1.5 * incoming + 10_000
        if self._rate >= most:
            return
        if self._capacity is None:
            grown = self._rate + max(self._rate * (1.08**seconds - 1), 1000)
        else:
            frame = self._rate * FRAME_SECONDS
            packets = math.ceil(frame / 8 / 1200)
            grown = self._rate + max(4000.0, frame / packets / 0.3) * seconds
        self._rate = min(grown, most)
