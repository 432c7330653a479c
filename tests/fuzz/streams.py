"""What comes over TCP, and what goes there: frames, and the backlog of a slow connection."""

from collections.abc import Iterator
from contextlib import contextmanager

from media.counts import TcpStats
from media.transport.address import MAX_DATAGRAM
from media.transport.tcp_backlog import (
    CHUNK_BYTES,
    MOST_OTHER_BYTES,
    MOST_PICTURE_BYTES,
    MOST_SOUND_BYTES,
    TcpBacklog,
)
from media.transport.tcp_frames import FrameError, FrameReader, framed
from tests.fuzz.network import RTCP, RTP
from tests.fuzz.target import Take, Target

MOST_WAITING = CHUNK_BYTES + MOST_PICTURE_BYTES + MOST_SOUND_BYTES + MOST_OTHER_BYTES + MAX_DATAGRAM


@contextmanager
def _frames() -> Iterator[Take]:
    """One stream, until it is refused; it gives what it was given."""
    reader, given, taken = FrameReader(), 0, 0

    def take(data: bytes) -> None:
        nonlocal reader, given, taken
        given += len(data)
        try:
            datagrams = reader.feed(data)
        except FrameError:
            reader, given, taken = FrameReader(), 0, 0
            return
        assert all(0 < len(datagram) <= MAX_DATAGRAM for datagram in datagrams)
        taken += sum(map(len, datagrams))
        assert taken <= given

    yield take


@contextmanager
def _backlog() -> Iterator[Take]:
    """Packets of any kind and size, a connection that takes any part of them, at any times: whole frames."""
    backlog, reader, now = TcpBacklog(TcpStats()), FrameReader(), 0.0
    backlog.sound_types = frozenset(range(64))

    def take(data: bytes) -> None:
        nonlocal now
        for at in range(0, len(data) - 3, 4):
            now += data[at] / 500
            datagram = data[at : at + 2] + bytes(8 * data[at + 2])
            backlog.add([framed(datagram, len(datagram))], now)
            sent = backlog.chunk(now)[: 16 * data[at + 3]]
            backlog.sent(len(sent))
            reader.feed(sent)
            assert 0 <= backlog.octets <= MOST_WAITING

    yield take


def targets() -> list[Target]:
    stream = b"".join(framed(datagram, len(datagram)) for datagram in (*RTP, *RTCP))
    return [
        Target("frames of a TCP stream", [stream], _frames),
        Target("what waits for a TCP connection", [bytes(range(64))], _backlog),
    ]
