"""What is retransmitted to one viewer leaves at a pace, the oldest first.

A line that has lost a burst has no room for another one: what left at once would be lost again.
"""

import math
from collections.abc import Callable, Iterable

MOST_PACKETS = 64  # that wait
AT_ONCE_OCTETS = 4 * 1200  # that leave at once after a pause: what is lost by chance

Packet = tuple[int, int]  # its track, and its index there


class RetransmitQueue:
    """Of one viewer's picture. `now` is in seconds of a steady clock."""

    __slots__ = ("_free_at", "_sends", "_track")

    def __init__(self) -> None:
        self._sends: dict[Packet, Callable[[float], None]] = {}
        self._track: int | None = None  # that the viewer gets
        self._free_at = -math.inf  # when the pace has room for the next packet

    def __len__(self) -> int:
        return len(self._sends)

    def room_for(self, packets: Iterable[Packet]) -> int:
        """How many of these packets, from the first on, wait already or have a place."""
        places, fitting = MOST_PACKETS - len(self._sends), 0
        for packet in packets:
            places -= packet not in self._sends
            if places < 0:
                break
            fitting += 1
        return fitting

    def add(self, packet: Packet, send: Callable[[float], None]) -> None:
        """Let a packet wait; once, however often it is requested."""
        self._sends.setdefault(packet, send)

    def turn_to(self, track: int | None) -> None:
        """Drop what waits, if the viewer gets another track by now."""
        if track != self._track:
            self._track = track
            self._sends.clear()

    def is_free(self, now: float) -> bool:
        """Whether the pace has room for a packet."""
        return self._free_at <= now

    def pop(self) -> Callable[[float], None]:
        """The oldest packet that waits: those of a former track are older than all of the present one."""
        return self._sends.pop(min(self._sends, key=lambda packet: (packet[0] == self._track, packet)))

    def spend(self, octets: int, rate: float, now: float) -> None:
        """Take that so much was sent again, at a pace of `rate` bit/s; infinite: none."""
        saved = AT_ONCE_OCTETS * 8 / rate
        self._free_at = max(self._free_at, now - saved) + octets * 8 / rate
