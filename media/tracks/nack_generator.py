"""Which packets of one track to ask its publisher for again, and when (RFC 4585 6.2.1).

A gap may be reordering, so it is left alone for a moment. After that each missing packet is asked for once a
round trip until it comes, or is too old to be of use.
"""

import math
from enum import IntEnum

from media.rtp.sequence import REORDER_PACKETS

REORDER_SECONDS = 0.010  # for which a gap may still close by itself
MAX_MISSING = 500  # beyond it the oldest are given up; a longer gap is given up whole: a keyframe mends more
MAX_AGE_SECONDS = 1.0
MAX_TRIES = 10

_FIRST_RTT = 0.1
_MIN_RTT, _MAX_RTT = 0.010, 0.500
_RTT_GAIN = 1 / 8  # RFC 6298 2.3
_RETRY_RTTS = 1.25
_MIN_RETRY_SECONDS = 0.020
_ASK_SECONDS = 0.005  # between two asks: what is due sooner goes into one packet


class Seen(IntEnum):
    """What the arrival of a packet means."""

    IN_ORDER = 0
    AFTER_GAP = 1  # something is missing from now on
    LATE = 2  # reordered, or a duplicate
    RECOVERED = 3  # it was asked for


class _Missing:
    __slots__ = ("asked_at", "due_at", "since", "tries")

    def __init__(self, now: float) -> None:
        self.since = now
        self.asked_at = 0.0
        self.due_at = now + REORDER_SECONDS
        self.tries = 0


class NackGenerator:
    """What is missing of one SSRC. `now` is in seconds of a steady clock.

    `rtt`, in seconds, is learned from how fast what was asked for comes; who knows better may set it.
    """

    __slots__ = ("_expected", "_missing", "_next_due", "rtt")

    def __init__(self, rtt: float = _FIRST_RTT) -> None:
        self.rtt = rtt
        self._expected = -1  # the sequence number after the newest; -1 before the first packet
        self._missing: dict[int, _Missing] = {}  # by sequence number, oldest first
        self._next_due = math.inf

    def received(self, sequence: int, now: float) -> Seen:
        """Take note of a packet, by its original sequence number when it came by RTX."""
        if sequence == self._expected:
            self._expected = sequence + 1 & 0xFFFF
            return Seen.IN_ORDER
        return self._received_out_of_order(sequence, now)

    def _received_out_of_order(self, sequence: int, now: float) -> Seen:
        ahead = sequence - self._expected & 0xFFFF
        if ahead >= 0x10000 - REORDER_PACKETS and self._expected >= 0:
            missing = self._missing.pop(sequence, None)
            if missing is not None and missing.tries:
                self._learn_rtt(now - missing.asked_at, missing.tries)
                return Seen.RECOVERED
            return Seen.LATE
        if ahead <= MAX_MISSING and self._expected >= 0:
            for n in range(ahead):
                self._missing[self._expected + n & 0xFFFF] = _Missing(now)
            for oldest in list(self._missing)[: max(0, len(self._missing) - MAX_MISSING)]:
                del self._missing[oldest]
            self._next_due = min(self._next_due, now + REORDER_SECONDS)
        else:
            self._missing.clear()
        self._expected = sequence + 1 & 0xFFFF
        return Seen.AFTER_GAP

    def is_missing(self, sequence: int) -> bool:
        return sequence in self._missing

    def _learn_rtt(self, measured: float, tries: int) -> None:
        """`measured` from the first ask on. Which of several was answered is not known: RFC 6298 3."""
        if tries > 1:  # then either one was lost, or the RTT is longer than believed
            measured = min(measured, _RETRY_RTTS * self.rtt)
        rtt = self.rtt + (measured - self.rtt) * _RTT_GAIN
        self.rtt = min(max(rtt, _MIN_RTT), _MAX_RTT)

    def next_due(self) -> float | None:
        """When `due` may next have something; None while nothing is missing."""
        return self._next_due if self._missing else None

    def due(self, now: float) -> list[int]:
        """The sequence numbers to ask for at `now`, oldest first; they count as asked for."""
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
