"""One TCP connection of a peer: frames in, frames out, and what waits to be sent."""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from media.counts import TcpEnd, TcpStats
from media.transport.address import TcpAddress
from media.transport.tcp_backlog import TcpBacklog
from media.transport.tcp_frames import LENGTH_BYTES, FrameError, FrameReader, framed
from media.transport.udp import BATCH

READ_BYTES = 8 * 1024  # in one turn of the event loop
MOST_UNCHECKED = 32  # frames of a peer that has not sent an authentic check
_STUN = 3  # RFC 7983: the highest first byte of it


class Owner(Protocol):
    """The port that owns a connection."""

    def watch(self, connection: "TcpConnection", *, sends: bool) -> None:
        """Set whether the loop calls `flush` when the socket takes more."""

    def end(self, connection: "TcpConnection", reason: TcpEnd | None = None) -> None:
        """Close it, now. `reason`: why it was not good enough; None: it has ended."""


class TcpConnection:
    """Owns the accepted socket. `clock` is a steady one, in seconds.

    A connection whose peer has sent an authentic check is `taken`: it belongs to a session.
    """

    __slots__ = (
        "_clock",
        "_owner",
        "_reader",
        "_unchecked",
        "address",
        "backlog",
        "leaves",
        "socket",
        "taken",
    )

    def __init__(
        self,
        accepted: socket.socket,
        address: TcpAddress,
        owner: Owner,
        stats: TcpStats,
        clock: Callable[[], float],
    ) -> None:
        self.socket = accepted
        self.address = address
        self.backlog = TcpBacklog(stats)
        self.taken = False
        self.leaves = False  # its session has ended: what waits is sent, and nothing is read
        self._unchecked = 0
        self._owner = owner
        self._reader = FrameReader()
        self._clock = clock

    def receive(self) -> list[bytes]:
        """Read what has arrived, at most `READ_BYTES` and `BATCH` frames; returns the complete datagrams.

        8 KB may be thousands of frames, and each costs what a whole packet does. Those beyond stay with the
        kernel, so the connection is ready in the next turn, too, and takes its turn there as others do.

        Closes the connection if the peer has, or sends what no client sends.
        """
        try:
            data = self.socket.recv(READ_BYTES, 0 if self.leaves else socket.MSG_PEEK)
        except BlockingIOError:
            return []
        except OSError:  # reset, timed out, no route any more
            data = b""
        if not data:
            self._owner.end(self)
            return []
        if self.leaves:
            return []
        try:
            datagrams = self._reader.feed(data, BATCH)
        except FrameError:
            self._owner.end(self, TcpEnd.LONG_FRAME)
            return []
        with suppress(OSError):  # it broke meanwhile: the next turn sees that
            self.socket.recv(len(data) - self._reader.unread)
        if not self.taken and datagrams:
            first = self._unchecked == 0
            self._unchecked += len(datagrams)
            if self._unchecked > MOST_UNCHECKED or (first and datagrams[0][0] > _STUN):
                self._owner.end(self, TcpEnd.NOT_ICE)
                return []
        return datagrams

    def transmit(self, run: bytes | memoryview, size: int) -> None:
        """Send consecutive datagrams, each of `size` bytes except the last: by one system call.

        What the connection does not take waits in the backlog, which may drop it.
        """
        data = framed(run, size)
        sent = 0
        if not self.backlog.octets:
            try:
                sent = self.socket.send(data)
            except BlockingIOError:
                pass
            except OSError:
                self._owner.end(self)
                return
            if sent == len(data):
                return
            self._owner.watch(self, sends=True)
        self._wait(data, size + LENGTH_BYTES, sent)

    def _wait(self, data: bytes, step: int, sent: int) -> None:
        """Let what is left of `data` wait, behind `sent` bytes. Its packets have `step` bytes each."""
        now = self._clock()
        at = sent - sent % step
        if at < sent:
            at += step
            self.backlog.go_on(data[sent:at], now)
        self.backlog.add([data[start : start + step] for start in range(at, len(data), step)], now)

    def flush(self) -> None:
        """Send what waits, as far as the connection takes it."""
        now, backlog = self._clock(), self.backlog
        try:
            while chunk := backlog.chunk(now):
                backlog.sent(self.socket.send(chunk))
        except OSError:  # it takes no more; or it is broken: then it can be read, which ends it
            return
        self._owner.watch(self, sends=False)
        if self.leaves:
            self._say_goodbye()

    def leave(self) -> None:
        """Take that its session has ended: send what waits, without the pictures, then nothing more."""
        self.leaves = True
        self.backlog.cut()
        if not self.backlog.octets:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the peer was faster
            self._owner.end(self)

    # --- as one of `shared.http.connections`

    def overdue(self) -> None:
        self._owner.end(self, TcpEnd.UNCHECKED)

    def cut(self) -> None:
        self._owner.end(self, TcpEnd.NO_ROOM)
