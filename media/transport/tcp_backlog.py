"""What a peer's TCP connection does not take at once: what goes first, and what is dropped.

A stream loses nothing, so what it cannot carry in time would come late, and later and later. Here whole
packets are dropped in its place, before they enter the stream: pictures first, sound last.
"""

from collections import deque
from collections.abc import Iterable

from media.counts import TcpStats
from media.rtp.packet import is_rtcp
from media.transport.tcp_frames import LENGTH_BYTES

CHUNK_BYTES = 16 * 1024  # handed over at a time: from then on they are not dropped any more
# A player shows nothing that comes later. Pictures that follow a dropped one are of no use either: all go.
PICTURE_SECONDS, SOUND_SECONDS = 1.0, 0.5
# What a line of 8 Mbit/s takes in that time, and sound of 1 Mbit/s; STUN, DTLS and RTCP are few.
MOST_PICTURE_BYTES, MOST_SOUND_BYTES, MOST_OTHER_BYTES = 1024 * 1024, 64 * 1024, 64 * 1024

_MEDIA = range(128, 192)  # RFC 7983: the first byte of RTP and RTCP


class TcpBacklog:
    """Of one connection; bounded in bytes and in time. `now` is in seconds of a steady clock.

    `sound_types` are the payload types that go before pictures. All RTP that is not sound is taken for
    pictures: retransmissions and padding are. `cuts` is how often pictures were dropped, so that what follows
    is of no use before a keyframe. `stats` counts for all connections.
    """

    def __init__(self, stats: TcpStats) -> None:
        self.sound_types: frozenset[int] = frozenset()
        self.octets_sent = 0  # of those that have waited
        self.cuts = 0
        self._stats = stats
        self._begun = b""  # what is handed over, and waits since `_begun_at`; a part of it may be sent
        self._other = _Queue()
        self._sound = _Queue()
        self._pictures = _Queue()

    @property
    def octets(self) -> int:
        """What waits, in bytes."""
        return len(self._begun) + self._other.octets + self._sound.octets + self._pictures.octets

    def add(self, packets: Iterable[bytes], now: float) -> None:
        """Let packets wait, as they are in the stream: each with its length."""
        for packet in packets:
            self._queue_of(packet).add(packet, now)
        self._expire(now)

    def _queue_of(self, packet: bytes) -> "_Queue":
        if packet[LENGTH_BYTES] not in _MEDIA or is_rtcp(packet[LENGTH_BYTES : LENGTH_BYTES + 2]):
            return self._other
        return self._sound if packet[LENGTH_BYTES + 1] & 0x7F in self.sound_types else self._pictures

    def go_on(self, rest: bytes, now: float) -> None:
        """Let the rest of a packet wait whose beginning is sent: it is first, whatever it is."""
        self._begun, self._begun_at = rest, now

    def chunk(self, now: float) -> bytes:
        """What to send next; b"" if nothing waits. Report by `sent` how much of it the connection took."""
        self._expire(now)
        if not self._begun:
            parts: list[bytes] = []
            size = 0
            self._begun_at = now
            for queue in (self._other, self._sound, self._pictures):
                while queue.packets and size < CHUNK_BYTES:
                    packet, at = queue.pop()
                    self._begun_at = min(self._begun_at, at)
                    size += len(packet)
                    parts.append(packet)
            self._begun = b"".join(parts)
        return self._begun

    def sent(self, count: int) -> None:
        self.octets_sent += count
        self._begun = self._begun[count:]

    def waited(self, now: float) -> float:
        """For how long the oldest packet has waited, in seconds; 0 if none does."""
        waits = [queue.packets[0][1] for queue in (self._other, self._sound, self._pictures) if queue.packets]
        if self._begun:
            waits.append(self._begun_at)
        return now - min(waits) if waits else 0.0

    def _expire(self, now: float) -> None:
        """Drop what comes too late, or is too much."""
        pictures, sound, other = self._pictures, self._sound, self._other
        if pictures.octets > MOST_PICTURE_BYTES or pictures.is_older(now - PICTURE_SECONDS):
            self.cut()
        while sound.octets > MOST_SOUND_BYTES or sound.is_older(now - SOUND_SECONDS):
            self._drop(sound.pop()[0])
        while other.octets > MOST_OTHER_BYTES:
            self._drop(other.pop_newest())

    def cut(self) -> None:
        """Drop all pictures that wait."""
        if not self._pictures.packets:
            return
        self.cuts += 1
        while self._pictures.packets:
            self._drop(self._pictures.pop()[0])

    def _drop(self, packet: bytes) -> None:
        self._stats.dropped_packets += 1
        self._stats.dropped_octets += len(packet) - LENGTH_BYTES


class _Queue:
    """Packets of one kind, each with the time from which it waits."""

    __slots__ = ("octets", "packets")

    def __init__(self) -> None:
        self.packets: deque[tuple[bytes, float]] = deque()
        self.octets = 0

    def add(self, packet: bytes, now: float) -> None:
        self.packets.append((packet, now))
        self.octets += len(packet)

    def pop(self) -> tuple[bytes, float]:
        first = self.packets.popleft()
        self.octets -= len(first[0])
        return first

    def pop_newest(self) -> bytes:
        newest, _ = self.packets.pop()
        self.octets -= len(newest)
        return newest

    def is_older(self, than: float) -> bool:
        return bool(self.packets) and self.packets[0][1] < than
