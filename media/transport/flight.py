"""When a flight of a DTLS handshake is sent again.

RFC 6347 4.2.4.1 suggests to wait for a second; RFC 9147 5.8.2 asks real-time protocols for less, and browsers
begin with 50 ms. OpenSSL's timer cannot be set from Python: it waits for 1, 2 and 4 s. So a flight is first
repeated as it is, record for record, which costs no computation. A peer that has it already drops that as a
replay (RFC 6347 4.1.2.6). OpenSSL's own repetition has new record numbers, and comes after.
"""

from collections.abc import Iterator, Sequence

# When to repeat a flight that the peer has to answer, in seconds after it.
REPEATS = (0.05, 0.15, 0.35, 0.75)
# When to repeat the flight with which a client ends its part. To a peer that has it already, the handshake is
# over, and FFmpeg's muxer stands still for seconds when DTLS follows. So wait as RFC 9147 5.8.2 says.
LAST_REPEATS = (0.4,)
# Every path carries datagrams of this size (RFC 8831 5: a path MTU of 1200), and the headers of TURN.
MOST_OCTETS = 1200
CHANGE_CIPHER_SPEC = 20
MESSAGE = slice(13, 19)  # the kind, length and number of the first message in a record (RFC 6347 4.2.2)
HEADER = 13  # of a record: its type comes first, the length of the rest last (RFC 6347 4.1)


class Flight:
    """The last flight of one handshake. `now` is in seconds of a steady clock."""

    __slots__ = ("_datagrams", "_first_message", "_repeated", "_repeats", "_sent_at")

    def __init__(self) -> None:
        self._datagrams: Sequence[bytes] = ()
        self._first_message = b""

    def sent(self, datagrams: Sequence[bytes], now: float) -> None:
        """A new flight was sent, or OpenSSL's own repetition of this one, which begins nothing anew."""
        self._datagrams = datagrams
        if datagrams[0][MESSAGE] == self._first_message:
            return
        self._first_message = datagrams[0][MESSAGE]
        self._repeats = LAST_REPEATS if any(map(_changes_cipher, datagrams)) else REPEATS
        self._repeated = 0
        self._sent_at = now

    def arrived(self) -> None:
        """The peer needs nothing more of us."""
        self._datagrams = ()

    @property
    def next_at(self) -> float | None:
        """When to call `due`."""
        if not self._datagrams or self._repeated == len(self._repeats):
            return None
        return self._sent_at + self._repeats[self._repeated]

    def due(self, now: float) -> Sequence[bytes]:
        """The datagrams to send again at `now`; they count as sent."""
        next_at = self.next_at
        if next_at is None or now < next_at:
            return ()
        self._repeated += 1
        return self._datagrams


def _changes_cipher(datagram: bytes) -> bool:
    return any(record[0] == CHANGE_CIPHER_SPEC for record in _records(datagram))


def datagrams_of(written: bytes) -> list[bytes]:
    """Lay records that OpenSSL wrote one behind the other out in datagrams. None is torn apart."""
    datagrams: list[bytes] = []
    for record in _records(written):
        if datagrams and len(datagrams[-1]) + len(record) <= MOST_OCTETS:
            datagrams[-1] += record
        else:
            datagrams.append(record)
    return datagrams


def _records(written: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(written):
        end = start + HEADER + int.from_bytes(written[start + HEADER - 2 : start + HEADER])
        yield written[start:end]
        start = end
