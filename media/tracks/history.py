"""The recent packets of one track, for retransmission."""

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from media.tracks.held_run import HeldRun

# A power of 2. It limits the bytes, too: no packet is longer than the socket's `MAX_DATAGRAM`.
MAX_PACKETS = 2048
MAX_AGE_SECONDS = 2.0

Item = TypeVar("Item")


class PacketHistory(Generic[Item]):
    """Holds the newest items, by their index in the room's numbering, within both limits.

    A ring of `packets` slots, a power of 2: the item of an index is in slot `index % packets`. Only the
    `packets` indices below `next_index` have a slot.
    """

    __slots__ = ("_age", "_items", "_packets", "_times", "next_index")

    def __init__(self, packets: int = MAX_PACKETS, age: float = MAX_AGE_SECONDS) -> None:
        self._packets = packets
        self._age = age
        self._items: list[Item | HeldRun[Item] | None] = [None] * packets
        self._times = [0.0] * packets
        self.next_index = 0  # the index after the newest

    def append(self, extended: int, now: float, item: Item) -> bool:
        """Keep `item`, sent at `now`. A late item is kept too, in its place. Returns whether it is kept.

        An item that is held is not replaced: a retransmission must be what was sent under its index.
        """
        slot = extended & self._packets - 1
        if extended == self.next_index:
            self.next_index = extended + 1
        elif extended > self.next_index:
            for skipped in range(max(self.next_index, extended - self._packets + 1), extended):
                self._items[skipped & self._packets - 1] = None
            self.next_index = extended + 1
        elif extended < self.next_index - self._packets or self._items[slot] is not None:
            return False
        self._items[slot] = item
        self._times[slot] = now
        return True

    def extend(self, extended: int, now: float, items: Sequence[Item]) -> bool:
        """Keep successive items, sent at `now`, the first of them next. False, and none is, if it is not."""
        slot, count = extended & self._packets - 1, len(items)
        if extended != self.next_index or slot + count > self._packets:
            return False
        self._items[slot : slot + count] = items
        self._times[slot : slot + count] = [now] * count
        self.next_index = extended + count
        return True

    def extend_run(self, now: float, run: HeldRun[Item]) -> bool:
        """`extend` by the packets of a run, which stay in one piece."""
        slot, count = run.first & self._packets - 1, len(run)
        if run.first != self.next_index or slot + count > self._packets:
            return False
        self._items[slot : slot + count] = [run] * count
        self._times[slot : slot + count] = [now] * count
        self.next_index = run.first + count
        return True

    def before(self, extended: int, count: int) -> list[Item]:
        """Those of the `count` items before that index that are still held, whatever their age."""
        first = max(extended - count, self.next_index - self._packets, 0)
        items = map(self._held, range(first, min(extended, self.next_index)))
        return [item for item in items if item is not None]

    def since(self, extended: int) -> list[Item]:
        """The items from that index on that are held, whatever their age."""
        return [*self.walk(extended)]

    def walk(self, extended: int) -> Iterator[Item]:
        """`since`, each made when it is its turn."""
        items = map(self._held, range(max(extended, self.next_index - self._packets, 0), self.next_index))
        return (item for item in items if item is not None)

    def age(self, extended: int, now: float) -> float:
        """How long ago the item of that index was sent, in seconds; 0 if it is not held."""
        if not self.next_index - self._packets <= extended < self.next_index:
            return 0.0
        slot = extended & self._packets - 1
        return 0.0 if self._items[slot] is None else now - self._times[slot]

    def get(self, extended: int, now: float) -> Item | None:
        """The item of that index; None if it never existed or is no longer held."""
        if not self.next_index - self._packets <= extended < self.next_index:
            return None
        slot = extended & self._packets - 1
        return self._held(extended) if now - self._times[slot] <= self._age else None

    def _held(self, extended: int) -> Item | None:
        item = self._items[extended & self._packets - 1]
        return item.item(extended) if isinstance(item, HeldRun) else item
