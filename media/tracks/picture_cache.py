"""The packets of a video track since its last keyframe, for viewers that join before the next.

They need it only if the publisher does not answer keyframe requests.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar, cast

from media.tracks.held_run import HeldRun

MAX_BYTES = 16 * 1024 * 1024
MAX_PACKETS = 16 * 1024
MAX_AGE_SECONDS = 12.0

Item = TypeVar("Item")
Cached = tuple[int, int, Item]  # index, size in bytes, item


class PictureCache(Generic[Item]):
    """One growing group of pictures. If it exceeds a limit it is dropped until the next keyframe."""

    __slots__ = ("_bytes", "_entries", "_first", "_has_runs", "_latest_at", "_timestamp", "began_at")

    def __init__(self) -> None:
        # from index `_first` on; None for a missing packet
        self._entries: list[Cached[Item] | HeldRun[Item] | None] = []
        self._has_runs = False  # whether a run may be among them
        self._first = 0
        self._timestamp = 0  # of the keyframe
        self._bytes = 0
        self.began_at = self._latest_at = 0.0  # when the first and the latest packet arrived

    @property
    def first_index(self) -> int | None:
        """The index at which the keyframe starts; None while none is held."""
        return self._first if self._entries else None

    @property
    def bitrate(self) -> float:
        """Bits a second, over at least a second: a keyframe alone would give too high a rate."""
        return self._bytes * 8 / max(1.0, self._latest_at - self.began_at)

    def append(
        self, extended: int, timestamp: int, starts_keyframe: bool, now: float, size: int, item: Item
    ) -> None:
        """Take the next or a late packet of the track at `now` (seconds, steady clock)."""
        entry = (extended, size, item)
        if starts_keyframe and not (self._entries and timestamp == self._timestamp):
            if extended >= self._first:
                self._begin(entry, timestamp, now)
        elif self._entries:
            if extended >= self._first:
                self._put(entry, now)
            elif starts_keyframe:  # parameter sets that arrive after the keyframe they belong to
                self._prepend(entry)

    def extend(self, extended: int, now: float, octets: int, entries: Sequence[Cached[Item]]) -> bool:
        """Take successive packets that come next, of which none starts a keyframe; `octets` is their size.

        False, and none is taken, if they do not, or if a limit is near.
        """
        return self._extend(extended, now, octets, entries)

    def extend_run(self, now: float, octets: int, run: HeldRun[Item]) -> bool:
        """`extend` by the packets of a run, which stay in one piece."""
        self._has_runs = True
        return self._extend(run.first, now, octets, [run] * len(run))

    def _extend(
        self, extended: int, now: float, octets: int, entries: Sequence[Cached[Item] | HeldRun[Item]]
    ) -> bool:
        held = len(self._entries)
        if not held:  # nothing is held before the next keyframe
            return True
        if (
            extended != self._first + held
            or held + len(entries) > MAX_PACKETS
            or self._bytes + octets > MAX_BYTES
            or now - self.began_at > MAX_AGE_SECONDS
        ):
            return False
        self._entries += entries
        self._bytes += octets
        self._latest_at = now
        return True

    def _begin(self, entry: Cached[Item], timestamp: int, now: float) -> None:
        extended = entry[0]
        self._entries = [entry, *self._entries[extended - self._first + 1 :]]
        self._first = extended
        self._timestamp = timestamp
        self._bytes = sum(size for _, size, _ in self.held())
        self.began_at = self._latest_at = now

    def _put(self, entry: Cached[Item], now: float) -> None:
        extended, size, _ = entry
        place = extended - self._first
        missing = place - len(self._entries)
        self._bytes += size
        self._latest_at = now
        if place >= MAX_PACKETS or self._bytes > MAX_BYTES or now - self.began_at > MAX_AGE_SECONDS:
            self._entries = []
            self._first = extended + 1
        elif missing < 0:
            self._entries[place] = entry
        else:
            if missing:
                self._entries += [None] * missing
            self._entries.append(entry)

    def _prepend(self, entry: Cached[Item]) -> None:
        extended, size, _ = entry
        missing = self._first - extended - 1
        if missing + len(self._entries) < MAX_PACKETS:
            self._entries = [entry, *[None] * missing, *self._entries]
            self._first = extended
            self._bytes += size

    def clear(self) -> None:
        """Hold nothing until the next keyframe."""
        self._entries = []

    def held(self) -> list[Cached[Item]]:
        """All that is held, in order. Packets of runs are made once: many viewers may join at once."""
        if self._has_runs:
            self._has_runs = False
            self._entries = [
                (index, entry.size(index), entry.item(index)) if isinstance(entry, HeldRun) else entry
                for index, entry in enumerate(self._entries, self._first)
            ]
        return cast(list[Cached[Item]], [entry for entry in self._entries if entry is not None])

    def get(self, extended: int) -> Item | None:
        """The item of that index, if it is held."""
        place = extended - self._first
        entry = self._entries[place] if 0 <= place < len(self._entries) else None
        if isinstance(entry, HeldRun):
            return entry.item(extended)
        return None if entry is None else entry[2]
