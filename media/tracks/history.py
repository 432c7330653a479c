"""The recent packets of one track, for retransmission."""

from collections.abc import Iterator

from media.rtp.run import Run, between
from media.tracks.ring import empty

# A power of 2. It limits the bytes, too: no packet is longer than the socket's `MAX_DATAGRAM`.
MAX_PACKETS = 2048
MAX_AGE_SECONDS = 2.0


class PacketHistory:
    """Holds the newest packets, by their index in the room's numbering, within both limits.

    A ring of `packets` slots, a power of 2: the run with the packet of an index is in slot `index % packets`.
    Only the `packets` indices below `next_index` have a slot.
    """

    __slots__ = ("_age", "_packets", "_runs", "_times", "next_index")

    def __init__(self, packets: int = MAX_PACKETS, age: float = MAX_AGE_SECONDS) -> None:
        self._packets = packets
        self._age = age
        self._runs: list[Run | None] = [None] * packets
        self._times = [0.0] * packets
        self.next_index = 0  # the index after the newest

    def keep(self, run: Run, now: float) -> bool:
        """Keep a run, sent at `now`. A late one is kept too, in its place. Returns whether it is kept.

        What is held is not replaced: a retransmission must be what was sent under its index.
        """
        first, count, packets = run.first, len(run), self._packets
        slot = first & packets - 1
        if first == self.next_index and slot + count <= packets:
            self._runs[slot : slot + count] = [run] * count
            self._times[slot : slot + count] = [now] * count
            self.next_index = first + count
            return True
        kept = False
        for index in range(first, first + count):
            if index >= self.next_index:
                if index > self.next_index:
                    empty(self._runs, self.next_index, index - self.next_index)
                self.next_index = index + 1
            elif index < self.next_index - packets or self._runs[index & packets - 1] is not None:
                continue
            self._runs[index & packets - 1], self._times[index & packets - 1] = run, now
            kept = True
        return kept

    def before(self, extended: int, count: int) -> list[Run]:
        """Those of the `count` packets before that index that are still held, whatever their age."""
        first = max(extended - count, self.next_index - self._packets)
        return [*self._held(first, min(extended, self.next_index))]

    def since(self, extended: int) -> Iterator[Run]:
        """The packets from that index on that are held, whatever their age."""
        return self._held(max(extended, self.next_index - self._packets), self.next_index)

    def age(self, extended: int, now: float) -> float:
        """How long ago the packet of that index was sent, in seconds; 0 if it is not held."""
        if self._run(extended) is None:
            return 0.0
        return now - self._times[extended & self._packets - 1]

    def get(self, extended: int, now: float) -> Run | None:
        """The packet of that index; None if it never existed or is no longer held."""
        run = self._run(extended)
        if run is None or now - self._times[extended & self._packets - 1] > self._age:
            return None
        return between(run, extended, extended + 1)

    def _run(self, extended: int) -> Run | None:
        if not self.next_index - self._packets <= extended < self.next_index:
            return None
        return self._runs[extended & self._packets - 1]

    def _held(self, first: int, after: int) -> Iterator[Run]:
        """What is held from `first` to below `after`: runs, or what of them lies there."""
        index = first
        while index < after:
            run = self._runs[index & self._packets - 1]
            if run is None:
                index += 1
                continue
            stop = index + 1
            while stop < after and self._runs[stop & self._packets - 1] is run:
                stop += 1
            yield between(run, index, stop)
            index = stop
