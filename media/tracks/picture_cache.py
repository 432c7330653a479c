"""The packets of a video track since its last keyframe, for viewers that join before the next.

They need it only if the publisher does not answer keyframe requests.
"""

from media.rtp.run import Run, between

MAX_BYTES = 16 * 1024 * 1024
MAX_PACKETS = 16 * 1024
MAX_AGE_SECONDS = 12.0


class PictureCache:
    """One growing group of pictures. If it exceeds a limit it is dropped until the next keyframe."""

    __slots__ = ("_bytes", "_first", "_latest_at", "_runs", "_timestamp", "began_at")

    def __init__(self) -> None:
        # for each index from `_first` on the run that has it; None for a missing packet
        self._runs: list[Run | None] = []
        self._first = 0
        self._bytes = 0
        self.began_at = self._latest_at = 0.0  # when the first and the latest packet arrived

    @property
    def first_index(self) -> int | None:
        """The index at which the keyframe starts; None while none is held."""
        return self._first if self._runs else None

    @property
    def bitrate(self) -> float:
        """Bits a second, over at least a second: a keyframe alone would give too high a rate."""
        return self._bytes * 8 / max(1.0, self._latest_at - self.began_at)

    def keep(self, run: Run, now: float, *, starts_keyframe: bool) -> None:
        """Take the next or a late run of the track at `now` (seconds, steady clock).

        `starts_keyframe`: a keyframe, or parameter sets of one, start in its first packet.
        """
        if starts_keyframe and not (self._runs and run.timestamps()[0] == self._timestamp):
            if run.first >= self._first:
                self._begin(run, now)
        elif self._runs:
            if run.first >= self._first:
                self._put(run, now)
            elif starts_keyframe:  # parameter sets that arrive after the keyframe they belong to
                self._prepend(run)

    def _begin(self, run: Run, now: float) -> None:
        first, count = run.first, len(run)
        self._runs = [*[run] * count, *self._runs[first - self._first + count :]]
        self._first = first
        self._timestamp = run.timestamps()[0]  # of the keyframe
        self._bytes = sum(each.octets for each in self.held())
        self.began_at = self._latest_at = now

    def _put(self, run: Run, now: float) -> None:
        place, count = run.first - self._first, len(run)
        self._bytes += run.octets
        self._latest_at = now
        if place + count > MAX_PACKETS or self._bytes > MAX_BYTES or now - self.began_at > MAX_AGE_SECONDS:
            self._runs = []
            self._first = run.first + count
            return
        self._runs += [None] * (place - len(self._runs))
        self._runs[place : place + count] = [run] * count

    def _prepend(self, run: Run) -> None:
        missing = self._first - run.first - len(run)
        if missing + len(run) + len(self._runs) <= MAX_PACKETS:
            self._runs = [*[run] * len(run), *[None] * missing, *self._runs]
            self._first = run.first
            self._bytes += run.octets

    def clear(self) -> None:
        """Hold nothing until the next keyframe."""
        self._runs = []

    def held(self) -> list[Run]:
        """All that is held, in order."""
        held, start = [], 0
        for stop in range(1, len(self._runs) + 1):
            run = self._runs[start]
            if stop == len(self._runs) or self._runs[stop] is not run:
                if run is not None:
                    held.append(between(run, self._first + start, self._first + stop))
                start = stop
        return held

    def get(self, extended: int) -> Run | None:
        """The packet of that index, if it is held."""
        place = extended - self._first
        run = self._runs[place] if 0 <= place < len(self._runs) else None
        return None if run is None else between(run, extended, extended + 1)
