"""Which packets of one track to request again from its publisher, and when (RFC 4585 6.2.1).

A gap may be reordering, so requests wait for a moment. Then each missing packet is requested about once a
round trip until it arrives or is too old to be useful.
"""

import math
from enum import IntEnum
from itertools import islice

from media.rtp.sequence import REORDER_PACKETS
from media.token_bucket import TokenBucket

REORDER_SECONDS = 0.010  # a gap may close by itself within this time
MAX_MISSING = 500  # beyond it the oldest are given up; a longer gap is given up whole: a keyframe is better
# Beyond so many at once: half the packets of 100 Mbit/s. Each costs what a packet does, so a publisher whose
# numbers jump with each packet would keep all rooms of the worker waiting. Its gaps are given up whole.
MISSING_PER_SECOND = 5_000
MAX_AGE_SECONDS = 1.0
MAX_TRIES = 10

_FIRST_RTT = 0.1
_MIN_RTT, _MAX_RTT = 0.010, 0.500
_RTT_GAIN = 1 / 8  # RFC 6298 2.3
_RETRY_RTTS = 1.25
_MIN_RETRY_SECONDS = 0.020
_ASK_SECONDS = 0.005  # between two NACK packets: requests that are due sooner share one


class Seen(IntEnum):
    """How a packet arrived."""

    IN_ORDER = 0
    AFTER_GAP = 1  # packets before it are missing
    LATE = 2  # reordered, or a duplicate
    RECOVERED = 3  # it had been requested


class _Missing:
    __slots__ = ("asked_at", "due_at", "since", "tries")

    def __init__(self, now: float) -> None:
        self.since = self.asked_at = now
        self.due_at = now + REORDER_SECONDS
        self.tries = 0


class NackGenerator:
    """The missing packets of one SSRC. `now` is in seconds of a steady clock.

    `rtt`, in seconds, is estimated from how fast requested packets arrive. A better value may be set.
    """

    __slots__ = ("_missing", "_next_due", "_room", "expected", "rtt")

    def __init__(self, rtt: float = _FIRST_RTT) -> None:
        self.rtt = rtt
        self.expected: int | None = None  # the sequence number after the newest; None before the first packet
        self._missing: dict[int, _Missing] = {}  # by sequence number, oldest first
        self._next_due = math.inf
        self._room = TokenBucket(MISSING_PER_SECOND, MAX_MISSING, 0.0)  # for so many more

    def received(self, sequence: int, now: float, count: int = 1) -> Seen:
        """Note a packet, by its original sequence number if it arrived over RTX.

        The next one may be the first of `count` that came in order.
        """
        if sequence == self.expected:
            self.expected = sequence + count & 0xFFFF
            return Seen.IN_ORDER
        return self._received_out_of_order(sequence, now)

    def _received_out_of_order(self, sequence: int, now: float) -> Seen:
        if self.expected is None:
            self.expected = sequence + 1 & 0xFFFF
            return Seen.AFTER_GAP
        ahead = sequence - self.expected & 0xFFFF
        if ahead >= 0x10000 - REORDER_PACKETS:
            missing = self._missing.pop(sequence, None)
            if missing is not None and missing.tries:
                self._learn_rtt(now - missing.asked_at, missing.tries)
                return Seen.RECOVERED
            return Seen.LATE
        if ahead <= self._room.left(now):
            self._room.spend(ahead)
            for n in range(ahead):
                self._missing[self.expected + n & 0xFFFF] = _Missing(now)
            for oldest in list(islice(self._missing, max(0, len(self._missing) - MAX_MISSING))):
                del self._missing[oldest]
            self._next_due = min(self._next_due, now + REORDER_SECONDS)
        else:
            self._missing.clear()
        self.expected = sequence + 1 & 0xFFFF
        return Seen.AFTER_GAP

    def is_missing(self, sequence: int) -> bool:
        return sequence in self._missing

    def _learn_rtt(self, measured: float, tries: int) -> None:
        """`measured` is from the first request. Which of several was answered is unknown (RFC 6298 3)."""
        if tries > 1:  # a request was lost, or the RTT is longer than estimated
            measured = min(measured, _RETRY_RTTS * self.rtt)
        rtt = self.rtt + (measured - self.rtt) * _RTT_GAIN
        self.rtt = min(max(rtt, _MIN_RTT), _MAX_RTT)

    def next_due(self) -> float | None:
        """When to call `due` next; None while nothing is missing."""
        return self._next_due if self._missing else None

    def due(self, now: float) -> list[int]:
        """The sequence numbers to request at `now`, oldest first. They count as requested."""
        if now < self._next_due:
            return []
        asks = []
        retry_at = now + max(_MIN_RETRY_SECONDS, _RETRY_RTTS * self.rtt)
        next_due = math.inf
        for sequence, missing in list(self._missing.items()):
            if missing.due_at <= now:
                if missing.tries == MAX_TRIES or now - missing.since >= MAX_AGE_SECONDS:
                    del self._missing[sequence]
                    continue
                if not missing.tries:
                    missing.asked_at = now
                missing.tries += 1
                missing.due_at = retry_at
                asks.append(sequence)
            next_due = min(next_due, missing.due_at)
        self._next_due = max(next_due, now + _ASK_SECONDS)
        return asks
