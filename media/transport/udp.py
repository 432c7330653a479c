"""A UDP socket: receives datagrams in batches, sends runs of them in one system call each."""

import asyncio
import fcntl
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence

from media.counts import Histogram
from media.native.choice import NativeSending
from media.rtp.joined import Joined
from media.rtp.run import Form, MakeOpener, Run, datagrams_of
from media.transport.address import MAX_DATAGRAM, MAX_RUN_BYTES, Address, FanOut, Receive, Target
from media.transport.socket_buffers import dropped, enlarge
from shared.settings.family import family_of

# Datagrams in one turn of the event loop; the last run may exceed it. The rest is read in the next turn.
BATCH = 128
UDP_SEGMENT, UDP_GRO = 103, 104  # linux/udp.h; not in the socket module
_INBOX_BYTES = 65_536  # the longest run of datagrams that the kernel joins
_JOINED_SPACE = socket.CMSG_SPACE(4)  # an int: the size of each datagram of a run
SIOCGSTAMPNS = 0x8907  # asm-generic/sockios.h; when the kernel received the last datagram that was read

# The delay of one in `SAMPLE_EVERY` batches is measured.
SAMPLE_EVERY = 16
DELAY_BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class UdpPort:
    """Owns a socket of one address family.

    A packet that cannot be sent at once is dropped and counted: media does not wait. `native` makes the
    port's `fan_out`, if the kernel can split runs.
    """

    def __init__(self, host: str, port: int, native: NativeSending | None = None) -> None:
        family = family_of(host)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
            self._socket.setblocking(False)
            self.buffers = enlarge(self._socket)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._can_segment = self._supports(UDP_SEGMENT, 0)
        self._segment = 0  # the kernel splits longer sends into datagrams of this size
        self._supports(UDP_GRO, 1)
        self.make_opener: MakeOpener | None = None if native is None else native.Opener
        self.native = native if self._can_segment else None
        self.fan_out = None if self.native is None else FanOut(self.native.Cipher, self._fan_out)
        self._inbox = memoryview(bytearray(_INBOX_BYTES))
        self.address: Address = self._socket.getsockname()
        self.rx_datagrams = 0
        self.tx_packets = self.tx_bytes = 0  # sent by `transmit`
        self.tx_dropped = 0
        self.delay = Histogram(DELAY_BOUNDS)  # from the kernel's receipt to the last send, in seconds
        self._until_sample = SAMPLE_EVERY
        self._loop: asyncio.AbstractEventLoop | None = None

    def reaches(self, address: Address) -> bool:
        """Whether `address` is of the socket's family."""
        return len(address) == len(self.address)

    def start(self, receive: Receive, afterwards: Callable[[], None] = lambda: None) -> None:
        """Call `receive` with each batch of datagrams, then `afterwards`, until `close`."""
        self._receive = receive
        self._afterwards = afterwards
        self._loop = asyncio.get_running_loop()
        self._arrival()  # the first call makes the kernel take time stamps from now on
        self._loop.add_reader(self._socket.fileno(), self._readable)

    @property
    def rx_overflows(self) -> int | None:
        """Datagrams that found the receive buffer full; None: unknown. For the metrics only."""
        return dropped(self._socket)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram."""
        try:
            if len(data) > self._segment > 0:
                self._split_at(0)
            self._socket.sendto(data, address)
        except OSError as error:
            if self._segment and not isinstance(error, BlockingIOError):
                self._split_at(0)  # some kernels refuse a segment above the route's MTU even for short sends
                self.send(data, address)
            else:  # full buffer, no route, address gone: the peer sees a lost packet
                self.tx_dropped += 1

    def transmit(self, run: bytes | memoryview, size: int, address: Address) -> None:
        """Send consecutive datagrams, each of `size` bytes except the last (`address.Transmit`)."""
        try:
            if self._can_segment:
                if size != self._segment:
                    self._split_at(size)
                sent = self._socket.sendto(run, address)
                self.tx_bytes += sent
                self.tx_packets += -(-sent // size)
                return
        except BlockingIOError:
            self.tx_dropped += 1
            return
        except OSError:  # the segment exceeds the route's MTU, or the device cannot split: send singly
            pass
        for at in range(0, len(run), size):
            self.send(bytes(run[at : at + size]), address)
            self.tx_packets += 1
        self.tx_bytes += len(run)

    def _fan_out(self, run: Run, form: Form, targets: Sequence[Target]) -> None:
        """Encrypt and `transmit` a run to all targets."""
        assert self.native is not None
        sent = send_natively(self.native, self._socket.fileno(), run, form, targets)
        packets, octets, dropped = sent
        self.tx_packets += packets
        self.tx_bytes += octets
        self.tx_dropped += dropped

    def _split_at(self, size: int) -> None:
        """Make the kernel split all later sends that are longer than `size`; 0 splits none.

        A socket option and `sendto` cost less than a control message with each `sendmsg`.
        """
        self._socket.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        self._segment = size

    def _readable(self) -> None:
        self._until_sample -= 1
        batch: Sequence[tuple[bytes | Joined, Address]]
        if self.native is not None:
            batch, count, arrived = self._read_natively(self.native)
        else:
            batch, arrived = self._read_all()
            count = len(batch)
        if not batch:
            return
        self.rx_datagrams += count
        if self._receive(batch) and arrived is not None:
            self.delay.observe(max(0.0, time.time() - arrived))
        self._afterwards()

    def _read_natively(
        self, native: NativeSending
    ) -> tuple[Sequence[tuple[bytes | Joined, Address]], int, float | None]:
        """What `_read_all` returns, with the number of datagrams."""
        timed = self._until_sample <= 0
        batch, count, arrived = native.receive(self._socket.fileno(), BATCH, MAX_DATAGRAM, timed)
        if timed and batch:
            self._until_sample = SAMPLE_EVERY
        return batch, count, arrived or None

    def _read_all(self) -> tuple[list[tuple[bytes | Joined, Address]], float | None]:
        """What has come; and when its first run came, if that is to be measured now."""
        batch: list[tuple[bytes | Joined, Address]] = []
        arrived: float | None = None
        try:
            self._read(batch)
            if self._until_sample <= 0:  # below it, where nothing was there the last time
                self._until_sample = SAMPLE_EVERY
                arrived = self._arrival()
            for _ in range(BATCH - 1):
                if len(batch) >= BATCH:
                    break
                self._read(batch)
        except OSError:  # no more; or an ICMP error caused by an earlier send: the rest is for the next turn
            pass
        return batch, arrived

    def _read(self, batch: list[tuple[bytes | Joined, Address]]) -> None:
        """Append the kernel's next datagram, or a run of datagrams that it joined (UDP GRO)."""
        inbox = self._inbox
        length, joined, _, address = self._socket.recvmsg_into([inbox], _JOINED_SPACE)
        size = int.from_bytes(joined[0][2], sys.byteorder) if joined else length
        if size > MAX_DATAGRAM:  # longer than anything that we accept
            return
        if not joined:
            batch.append((bytes(inbox[:length]), address))
            return
        batch += [(bytes(inbox[at : min(at + size, length)]), address) for at in range(0, length, size)]

    def _arrival(self) -> float | None:
        """Unix time at which the kernel received the last datagram that was read; None if it is unknown."""
        try:
            seconds, nanoseconds = struct.unpack("qq", fcntl.ioctl(self._socket, SIOCGSTAMPNS, bytes(16)))
        except OSError:
            return None
        return float(seconds + nanoseconds * 1e-9)

    def _supports(self, option: int, value: int) -> bool:
        try:
            self._socket.setsockopt(socket.IPPROTO_UDP, option, value)
        except OSError:
            return False
        return True


def send_natively(
    native: NativeSending, fileno: int, run: Run, form: Form, targets: Sequence[Target]
) -> tuple[int, int, int]:
    """Send a run by the native step; how many packets, bytes and drops that made.

    A run of Python's, of packets that came in an unusual way, is copied first.
    """
    if not isinstance(run, native.Run):
        copy = native.copy(datagrams_of(run))
        copy.number(run.track, run.ssrc, run.first, run.shift)
        run = copy
    return native.send(fileno, run, form, MAX_RUN_BYTES, targets)
