"""How many earlier packets of the sound one viewer gets with each one: as its line's losses call for."""

import math
from collections.abc import Iterable

from media.feedback.loss_window import LostPackets
from media.line.loss_run import certain
from media.switch.redundant_sound import MOST_EARLIER

LOSSY, VERY_LOSSY = 0.01, 0.05  # shares of packets lost, from which on one goes along, and two
CLEAN = 0.005  # a share below this is no reason for any
CLEAN_SECONDS = 12.0  # a line without losses for this long needs none any more
NARROW_SECONDS = 5.0  # a line that had no room gets none for this long

_MOST_EXPECTED = 1 << 16  # packets from one report to the next; the numbers of more are nonsense
_MEMORY_SECONDS = 10.0  # losses count less and less: to 0.37 in this time
# Losses come in bursts if so large a share of so many lost packets followed another one. By chance it is the
# share of packets lost.
_BURSTS, _LEAST_LOST = 0.3, 6.0
_DEVIATIONS = 1.5  # beyond which losses are no chance: sound twice costs little


class Redundancy:
    """`now` is in seconds of a steady clock. `count` is how many earlier packets go along; 0 at first."""

    __slots__ = ("_asked", "_bursts", "_dirty_at", "_narrow_at", "_streams", "count")

    def __init__(self) -> None:
        self.count = 0
        self._streams: dict[int, _Stream] = {}  # by SSRC
        self._asked: dict[int, int] = {}  # by SSRC, the newest sequence number that was asked for again
        self._bursts = _Faded(), _Faded()  # packets asked for again; those that follow another one of them
        self._dirty_at = self._narrow_at = -math.inf

    def report(self, results: Iterable[LostPackets], now: float) -> None:
        """Take what the line's streams lost: the sound, and the picture, of which there are more packets."""
        for each in results:
            if each.expected >= _MOST_EXPECTED:
                continue
            self._streams.setdefault(each.ssrc, _Stream()).take(each, now)
            if each.lost > 1 and each.share > CLEAN:  # a single packet is chance
                self._dirty_at = now

    def asked(self, ssrc: int, sequences: Iterable[int], now: float) -> None:
        """Take which packets were asked for again: it shows whether losses come in bursts."""
        newest = self._asked.get(ssrc)
        lost = followed = 0
        for sequence in sequences:
            ahead = None if newest is None else sequence - newest & 0xFFFF
            if ahead is None or 0 < ahead < 0x8000:
                lost += 1
                followed += ahead == 1
                newest = sequence
        if newest is not None:
            self._asked[ssrc] = newest
            for faded, more in zip(self._bursts, (lost, followed), strict=True):
                faded.add(more, now)

    def is_lossy(self, now: float) -> bool:
        """Whether packets were lost lately."""
        return now - self._dirty_at < CLEAN_SECONDS

    def share(self, ssrc: int) -> float:
        """What was lost of a stream lately, 0 to 1: as much as is certain."""
        stream = self._streams.get(ssrc)
        return 0.0 if stream is None else stream.share

    def decide(self, now: float, *, is_narrow: bool) -> int:
        """How many from now on. A line that `is_narrow` has no room for any: more of it would be lost."""
        if is_narrow:
            self._narrow_at = now
        if now - self._narrow_at < NARROW_SECONDS or not self.is_lossy(now):
            self.count = 0
        elif self.count < MOST_EARLIER:
            share = max(stream.share for stream in self._streams.values())
            wanted = 0 if share < LOSSY else 1 if share < VERY_LOSSY and not self._are_bursts(now) else 2
            self.count = max(self.count, wanted)
        return self.count

    def _are_bursts(self, now: float) -> bool:
        lost, followed = (faded.at(now) for faded in self._bursts)
        return lost >= _LEAST_LOST and followed > _BURSTS * lost


class _Stream:
    """What was lost of one stream lately: `share` is as much of it as is certain."""

    __slots__ = ("_expected", "_lost", "share")

    def __init__(self) -> None:
        self.share = 0.0
        self._expected, self._lost = _Faded(), _Faded()

    def take(self, result: LostPackets, now: float) -> None:
        self._expected.add(result.expected, now)
        self._lost.add(result.lost, now)
        self.share = certain(self._lost.at(now), self._expected.at(now), _DEVIATIONS)


class _Faded:
    """A sum in which what was added earlier counts less."""

    __slots__ = ("_at", "_sum")

    def __init__(self) -> None:
        self._sum = self._at = 0.0

    def add(self, more: float, now: float) -> None:
        self._sum, self._at = self.at(now) + more, now

    def at(self, now: float) -> float:
        return self._sum * math.exp((self._at - now) / _MEMORY_SECONDS) if self._sum else 0.0
