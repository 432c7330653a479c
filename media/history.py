"""The packets of one track that were sent a moment ago, for viewers that lost some."""

from typing import Generic, TypeVar

MAX_PACKETS = 2048  # a power of 2
MAX_BYTES = 4 * 1024 * 1024
MAX_AGE_SECONDS = 2.0

Item = TypeVar("Item")


class PacketHistory(Generic[Item]):
    """Items by their index in the room's numbering; it holds the newest, within all three limits.

    `packets` is a power of 2. A ring at whose slot `index % packets` lies the item of that index, if there is
    one: only the `packets` indices below `next_index` ever have a slot.
    """

    __slots__ = (
        "_age",
        "_bytes",
        "_items",
        "_max_bytes",
        "_oldest",
        "_packets",
        "_sizes",
        "_times",
        "next_index",
    )

    def __init__(
        self, packets: int = MAX_PACKETS, octets: int = MAX_BYTES, age: float = MAX_AGE_SECONDS
    ) -> None:
        self._packets = packets
        self._max_bytes = octets
        self._age = age
        self._items: list[Item | None] = [None] * packets
        self._sizes = [0] * packets
        self._times = [0.0] * packets
        self._bytes = 0
        self.next_index = 0  # the index after the newest
        self._oldest = 0  # no slot below it is full

    def append(self, extended: int, now: float, size: int, item: Item) -> None:
        """Keep `item`, of `size` bytes, sent at `now`. One that is late is kept too, in its place."""
        slot = extended & self._packets - 1
        if extended == self.next_index:
            self.next_index = extended + 1
        elif extended > self.next_index:
            for skipped in range(max(self.next_index, extended - self._packets + 1), extended):
                self._free(skipped & self._packets - 1)
            self.next_index = extended + 1
        elif extended < self._oldest or extended < self.next_index - self._packets:
            return
        self._bytes += size - self._sizes[slot]
        self._items[slot] = item
        self._sizes[slot] = size
        self._times[slot] = now
        if self._bytes > self._max_bytes:
            self._make_room()

    def _make_room(self) -> None:
        self._oldest = max(self._oldest, self.next_index - self._packets)
        while self._bytes > self._max_bytes:
            self._free(self._oldest & self._packets - 1)
            self._oldest += 1

    def _free(self, slot: int) -> None:
        self._bytes -= self._sizes[slot]
        self._sizes[slot] = 0
        self._items[slot] = None

    def before(self, extended: int, count: int) -> list[Item]:
        """What is held of the `count` items before that index, whatever their age."""
        first = max(extended - count, self.next_index - self._packets, 0)
        items = (
            self._items[index & self._packets - 1] for index in range(first, min(extended, self.next_index))
        )
        return [item for item in items if item is not None]

    def get(self, extended: int, now: float) -> Item | None:
        """The item of that index; None when it never was, or is no longer held."""
        if not self.next_index - self._packets <= extended < self.next_index:
            return None
        slot = extended & self._packets - 1
        return self._items[slot] if now - self._times[slot] <= self._age else None
