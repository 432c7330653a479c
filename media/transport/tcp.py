"""ICE-TCP (RFC 6544, passive): peers connect to us, and send us datagrams in streams (RFC 4571).

All connections share one epoll, which the event loop sees as one file: so they take one turn together, as
the datagrams of the UDP socket do, and strangers take no more of it than clients.
"""

import asyncio
import math
import resource
import select
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic

from media.counts import TcpEnd, TcpStats
from media.transport.address import Address, Backlog, Receive, TcpAddress
from media.transport.tcp_connection import TcpConnection
from media.transport.udp import BATCH
from shared.beat import until_beat
from shared.http.connections import ConnectionLimits, Connections
from shared.settings.family import family_of
from shared.telemetry.logging import get_logger

FAREWELL_SECONDS = 2.0  # for what waits, and for the peer to close, when its session has ended
EPISODE_SECONDS = 60.0  # without a refused connection: the next one is logged again
ACCEPTED_AT_ONCE = 16  # in one turn of the event loop
_EVENTS_AT_ONCE = 32
_OTHER_FILES = 256  # that the process may have open beside these connections
_LISTEN_BACKLOG = 1024

# What the kernel takes of what is not sent yet: what it has is late without our knowing, and not dropped.
UNSENT_BYTES = 16 * 1024
SEND_BUFFER = 256 * 1024  # of the kernel, with what is under way: 8 Mbit/s over 200 ms
_SILENT_MS = 30_000  # a peer that acknowledges nothing for so long is gone: as long as consent lasts
_RETRY_MS = 1_000  # after an interruption the kernel sends again within that time, not after minutes
TCP_RTO_MAX_MS = 44  # linux/tcp.h, from 6.15 on; not in the socket module

log = get_logger()


@dataclass(frozen=True, slots=True)
class TcpLimits(ConnectionLimits):
    """What the port takes from strangers. A client is an address, or a /64 of IPv6.

    A connection waits for its first authentic check: of an honest peer that takes a round trip. Many viewers
    may be behind one address. One that waits holds 5 KB here, one that is served 1.2 MB at most.
    """

    connections: int = 10_000  # fewer if the process may open fewer files
    of_client: int = 4_000
    waiting: int = 1_000
    waiting_of_client: int = 250
    check_seconds: float = 5.0  # from the connection to the first authentic check
    look_seconds: float = 1.0  # between two looks for what is overdue


class TcpPort:
    """Owns the listeners of `addresses`, and the connections that they accept. Raises `OSError`.

    The addresses are of one `number`. Port 0 is any free one, for all of them the same.
    """

    def __init__(
        self,
        *addresses: tuple[str, int],
        limits: TcpLimits | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.stats = TcpStats()
        self.rx_datagrams = 0
        self.tx_packets = self.tx_bytes = 0  # handed over by `transmit`
        self.tx_dropped = 0  # to connections that have ended
        self._clock = clock
        self._numbers = count()
        self._connections = Connections(_within_files(limits or TcpLimits()))
        self._by_address: dict[Address, TcpConnection] = {}
        self._by_file: dict[int, TcpConnection] = {}
        self._listeners: dict[int, socket.socket] = {}
        self._turns = 0
        self._passed_over: dict[int, int] = {}  # files that are ready, since which turn: they come first
        try:
            self.number = 0
            for host, port in addresses:
                listener = _listen(host, port or self.number)
                self.number = listener.getsockname()[1]
                self._listeners[listener.fileno()] = listener
        except OSError:
            self._close_listeners()
            raise
        self._accepts = False
        self._refused_at = -math.inf  # when the kernel last refused to accept one

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._by_address)

    @property
    def addresses(self) -> Sequence[Address]:
        """Where it listens."""
        return tuple(listener.getsockname() for listener in self._listeners.values())

    def reaches(self, address: Address) -> bool:
        """Whether `address` is a connection that is open."""
        return address in self._by_address

    def start(self, receive: Receive, afterwards: Callable[[], None] = lambda: None) -> None:
        """Call `receive` with each batch of datagrams, then `afterwards`, until `close`."""
        self._receive = receive
        self._afterwards = afterwards
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._accept_again()
        self._loop.add_reader(self._epoll.fileno(), self._turn)
        self._timer: asyncio.Handle = self._loop.call_soon(self._look)

    def close(self) -> None:
        """Stop listening, and close all connections."""
        self._timer.cancel()
        self._loop.remove_reader(self._epoll.fileno())
        for connection in list(self._by_file.values()):
            self.end(connection)
        self._close_listeners()
        self._epoll.close()

    # --- out

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram."""
        connection = self._by_address.get(address)
        if connection is None:
            self.tx_dropped += 1
        else:
            connection.transmit(data, len(data))

    def transmit(self, run: bytes | memoryview, size: int, address: Address) -> None:
        """Send consecutive datagrams, each of `size` bytes except the last (`address.Transmit`)."""
        packets = -(-len(run) // size)
        connection = self._by_address.get(address)
        if connection is None:
            self.tx_dropped += packets
            return
        connection.transmit(run, size)
        self.tx_packets += packets
        self.tx_bytes += len(run)

    def backlog_to(self, address: Address) -> Backlog | None:
        """What waits to be sent there; None if the connection has ended."""
        connection = self._by_address.get(address)
        return None if connection is None else connection.backlog

    # --- in

    def taken(self, address: Address) -> None:
        """A session has taken a check from `address` for authentic: the connection is its own now."""
        connection = self._by_address.get(address)
        if connection is not None:
            connection.taken = True
            self._connections.answer(connection)

    def left(self, address: Address) -> None:
        """The session of `address` has ended, or has too many others: say goodbye, and close."""
        connection = self._by_address.pop(address, None)
        if connection is not None:
            self._connections.wait(connection, self._clock() + FAREWELL_SECONDS)
            connection.leave()

    def _turn(self) -> None:
        batch: list[tuple[bytes, Address]] = []
        # The kernel names those that are ready in the same order each time: the first may fill every turn.
        ready = self._epoll.poll(0, _EVENTS_AT_ONCE)
        ready.sort(key=lambda each: self._passed_over.get(each[0], math.inf))
        self._turns += 1
        for place, (file, events) in enumerate(ready):
            if len(batch) >= BATCH:
                for other, _ in ready[place:]:
                    self._passed_over.setdefault(other, self._turns)
                break
            self._passed_over.pop(file, None)
            if file in self._listeners:
                self._accept(self._listeners[file])
                continue
            connection = self._by_file.get(file)
            if connection is None:  # closed in this turn
                continue
            if events & select.EPOLLOUT:
                connection.flush()
            if events & ~select.EPOLLOUT:
                address = connection.address
                batch += [(datagram, address) for datagram in connection.receive()]
        if batch:
            self.rx_datagrams += len(batch)
            self._receive(batch)
            self._afterwards()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, source = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # no more files: it would be ready for ever
                self.stats.refused[TcpEnd.NO_FILES] += 1
                self._pause(error)
                return
            self._take_in(accepted, TcpAddress(source[0], source[1], next(self._numbers)))

    def _take_in(self, accepted: socket.socket, address: TcpAddress) -> None:
        accepted.setblocking(False)
        connection = TcpConnection(accepted, address, self, self.stats, self._clock)
        if not self._connections.admit(
            connection, address.host, self._clock() + self._connections.limits.check_seconds
        ):
            self.stats.refused[TcpEnd.NO_ROOM] += 1
            accepted.close()
            return
        self.stats.accepted += 1
        self._by_address[address] = self._by_file[accepted.fileno()] = connection
        self._epoll.register(accepted.fileno(), select.EPOLLIN)

    def _pause(self, error: OSError) -> None:
        """Accept nothing until the next look."""
        now = self._clock()
        if now >= self._refused_at + EPISODE_SECONDS:
            log.warning("TCP connections of clients cannot be accepted", error=error.strerror, open=len(self))
        self._refused_at = now
        if self._accepts:  # otherwise another listener was refused in this turn
            self._accepts = False
            for file in self._listeners:
                self._epoll.unregister(file)

    def _accept_again(self) -> None:
        if not self._accepts:
            self._accepts = True
            for file in self._listeners:
                self._epoll.register(file, select.EPOLLIN)

    # --- its connections

    def watch(self, connection: TcpConnection, *, sends: bool) -> None:
        events = select.EPOLLIN | select.EPOLLOUT if sends else select.EPOLLIN
        self._epoll.modify(connection.socket.fileno(), events)

    def end(self, connection: TcpConnection, reason: TcpEnd | None = None) -> None:
        file = connection.socket.fileno()
        if self._by_file.pop(file, None) is None:  # closed already
            return
        if reason is not None and not connection.leaves:
            self.stats.refused[reason] += 1
        self._by_address.pop(connection.address, None)
        self._passed_over.pop(file, None)
        self._connections.leave(connection)
        connection.socket.close()  # which the epoll notices

    def _look(self) -> None:
        seconds = until_beat(self._loop.time(), self._connections.limits.look_seconds)
        self._timer = self._loop.call_later(seconds, self._look)
        self._connections.look(self._clock())
        self._accept_again()

    def _close_listeners(self) -> None:
        for listener in self._listeners.values():
            listener.close()


def _within_files(limits: TcpLimits) -> TcpLimits:
    """A connection is an open file: with too many of them, nothing else can be opened."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return limits
    return replace(limits, connections=min(limits.connections, max(1, files - _OTHER_FILES)))


def _listen(host: str, port: int) -> socket.socket:
    """A listener. The sockets that it accepts have its options."""
    listener = socket.create_server((host, port), family=family_of(host), backlog=_LISTEN_BACKLOG)
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    for option, value in (
        (socket.TCP_NODELAY, True),
        (socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES),
        (socket.TCP_USER_TIMEOUT, _SILENT_MS),
    ):
        listener.setsockopt(socket.IPPROTO_TCP, option, value)
    with suppress(OSError):  # an older kernel
        listener.setsockopt(socket.IPPROTO_TCP, TCP_RTO_MAX_MS, _RETRY_MS)
    return listener
