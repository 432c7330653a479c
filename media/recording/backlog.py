"""What waits in memory for the disk: bounded for each room, and for all rooms of a worker."""

ROOM_BYTES = 32 << 20  # more than a minute of 2.5 Mbit/s
TOTAL_BYTES = 256 << 20
PACKET_BYTES = 512  # of the objects around a payload


class Backlog:
    """What waits for the disk in all rooms. Used in the event loop only."""

    def __init__(self) -> None:
        self.size = 0  # bytes


class RoomBacklog:
    """Of one room. `add` and `settle` are called in the event loop, `took` in the thread that writes.

    Each counter has one writer, so none is locked.
    """

    def __init__(self, total: Backlog) -> None:
        self._total = total
        self._added = 0
        self._settled = 0
        self._taken = 0

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return self._added - self._taken

    def add(self, size: int) -> bool:
        """Make room for `size` bytes; False if there is none."""
        if self._added - self._taken + size > ROOM_BYTES or self._total.size + size > TOTAL_BYTES:
            return False
        self._added += size
        self._total.size += size
        return True

    def took(self, size: int) -> None:
        self._taken += size

    def settle(self) -> None:
        """Give back to the other rooms the bytes that the thread has taken."""
        taken = self._taken
        self._total.size -= taken - self._settled
        self._settled = taken
