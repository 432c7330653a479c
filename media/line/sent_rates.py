"""How much was sent to a viewer lately, of sound and of all else."""

from bisect import bisect_right

_MOST_SAMPLES = 128  # the later half spans three seconds or more
_EARLY = 0.001  # seconds by which ticks may come early


class SentRates:
    """Counts from `now` on, in seconds of a steady clock. Rates are in bit/s."""

    __slots__ = ("_began_at", "_octets", "_sound", "_times")

    def __init__(self, now: float) -> None:
        self._began_at = now
        self._times: list[float] = []  # of the samples
        self._octets: list[int] = []
        self._sound: list[int] = []

    def add(self, octets: int, sound: int, now: float) -> None:
        """Take how many octets were sent so far, and how many were sound."""
        self._times.append(now)
        self._octets.append(octets)
        self._sound.append(sound)
        if len(self._times) > _MOST_SAMPLES:
            for kept in (self._times, self._octets, self._sound):
                del kept[: _MOST_SAMPLES // 2]

    @property
    def began_at(self) -> float:
        """The time since which it counts."""
        return self._began_at

    @property
    def since(self) -> float:
        """The time of the oldest sample that is kept. There must be one."""
        return self._times[0]

    def of(self, until: float, seconds: float) -> tuple[float, float]:
        """The rates of sound and of all else, in the `seconds` before `until`."""
        times = self._times
        first = max(0, bisect_right(times, until - seconds + _EARLY) - 1)
        last = bisect_right(times, until + _EARLY) - 1
        if last <= first:
            return 0.0, 0.0
        span = times[last] - times[first]
        sound = (self._sound[last] - self._sound[first]) * 8 / span
        return sound, (self._octets[last] - self._octets[first]) * 8 / span - sound

    def total(self, until: float, seconds: float) -> float:
        """The rate of all that was sent in the `seconds` before `until`."""
        return sum(self.of(until, seconds))

    def bits(self, begin: float, end: float) -> float:
        """The bits that were sent from `begin` to `end`: as many in each moment between two samples."""
        return (self._octets_until(end) - self._octets_until(begin)) * 8

    def _octets_until(self, when: float) -> float:
        later = bisect_right(self._times, when)
        if later == len(self._times):
            return self._octets[-1] if self._octets else 0.0
        since, before = (self._times[later - 1], self._octets[later - 1]) if later else (self._began_at, 0)
        if when <= since:
            return before
        return before + (self._octets[later] - before) * (when - since) / (self._times[later] - since)

    def between(self, begin: float, end: float) -> float:
        """The rate of all that was sent from `begin` to `end`, between which there may be no sample."""
        times, octets = [self._began_at, *self._times], [0, *self._octets]
        last = min(bisect_right(times, end - _EARLY), len(times) - 1)
        first = max(0, min(bisect_right(times, begin + _EARLY), last) - 1)
        span = times[last] - times[first]
        return (octets[last] - octets[first]) * 8 / span if span else 0.0
