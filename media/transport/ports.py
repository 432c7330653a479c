"""The media ports of one worker. A peer is sent to through the port that its address belongs to."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from media.counts import Histogram, TcpStats
from media.rtp.joined import Joined
from media.rtp.run import MakeOpener
from media.transport.address import Address, Backlog, FanOut, Transmit

# takes a batch; returns whether it contained media, which has been relayed by then
Receive = Callable[[Sequence[tuple[bytes | Joined, Address]]], bool]


class Port(Protocol):
    """One way in and out: UDP of one address family, or TCP. Sends do not block: too much is dropped."""

    rx_datagrams: int
    tx_packets: int  # sent by `transmit`
    tx_bytes: int
    tx_dropped: int
    delay: Histogram  # from the kernel's receipt to the last send, in seconds

    def reaches(self, address: Address) -> bool:
        """Whether peers at such an address are sent to through this port."""

    def start(self, receive: Receive, afterwards: Callable[[], None]) -> None:
        """Call `receive` with each batch of datagrams, then `afterwards`, until `close`."""

    def close(self) -> None: ...

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram."""

    def transmit(self, run: bytes | memoryview, size: int, address: Address) -> None:
        """Send consecutive datagrams, each of `size` bytes except the last."""


class DatagramPort(Port, Protocol):
    """UDP of one address family."""

    address: Address  # at which it listens
    make_opener: MakeOpener | None  # of the native step, if that is used
    fan_out: FanOut | None  # the native step's; None: it is not used

    @property
    def buffers(self) -> tuple[int, int]:
        """Bytes that the kernel grants, to receive and to send."""

    @property
    def rx_overflows(self) -> int | None:
        """Datagrams that found the receive buffer full; None: unknown."""


class StreamPort(Port, Protocol):
    """TCP: each of its addresses is a connection that a peer has opened."""

    number: int  # of the port, at each host at which it listens
    stats: TcpStats

    def __len__(self) -> int:
        """How many connections there are."""

    def taken(self, address: Address) -> None:
        """A session has taken a check from `address` for authentic."""

    def left(self, address: Address) -> None:
        """No session has that address any more."""

    def backlog_to(self, address: Address) -> Backlog | None:
        """What waits to be sent there; None if the connection has ended."""


class Ports:
    """Owns the ports of a worker, at least one.

    `ports` are in the order in which clients are told of them.
    """

    def __init__(self, *ports: DatagramPort, tcp: StreamPort | None = None) -> None:
        self._datagrams = ports
        self.tcp = tcp
        self._ports: tuple[Port, ...] = ports if tcp is None else (*ports, tcp)
        self._unreachable = 0  # datagrams to addresses of no port

    def __iter__(self) -> Iterator[DatagramPort]:
        """The UDP ports."""
        return iter(self._datagrams)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses at which the UDP ports listen."""
        return tuple(port.address for port in self._datagrams)

    @property
    def tcp_number(self) -> int | None:
        """The number of the TCP port; None if there is none."""
        return None if self.tcp is None else self.tcp.number

    def start(self, receive: Receive, afterwards: Callable[[], None] = lambda: None) -> None:
        """Call `receive` with each batch of datagrams of one port, then `afterwards`, until `close`."""
        for port in self._ports:
            port.start(receive, afterwards)

    def close(self) -> None:
        for port in self._ports:
            port.close()

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram. For the few: each looks its port up."""
        if (port := self._to(address)) is None:
            self._unreachable += 1
        else:
            port.send(data, address)

    @property
    def make_opener(self) -> MakeOpener | None:
        """What opens runs of a publisher in one call; None: nothing does."""
        return next((port.make_opener for port in self._datagrams), None)

    def transmit_to(self, address: Address) -> Transmit:
        """What transmits to `address`. For the many: look it up when the address is chosen, and keep it."""
        port = self._to(address)
        return self._drop if port is None else port.transmit

    def fan_out_to(self, address: Address) -> FanOut | None:
        """What sends a run to `address` and others at once; None: each is sent to by `transmit`."""
        return next((port.fan_out for port in self._datagrams if port.reaches(address)), None)

    def backlog_to(self, address: Address) -> Backlog | None:
        """What waits to be sent to `address`; None over UDP, where nothing waits."""
        return None if self.tcp is None else self.tcp.backlog_to(address)

    def taken(self, address: Address) -> None:
        """A session has taken a check from `address` for authentic."""
        if self.tcp is not None:
            self.tcp.taken(address)

    def left(self, address: Address) -> None:
        """The session that had that address has ended, or has too many others."""
        if self.tcp is not None:
            self.tcp.left(address)

    def _to(self, address: Address) -> Port | None:
        return next((port for port in self._ports if port.reaches(address)), None)

    def _drop(self, run: bytes | memoryview, size: int, _address: Address) -> None:
        self._unreachable += -(-len(run) // size)

    @property
    def rx_datagrams(self) -> int:
        return sum(port.rx_datagrams for port in self._ports)

    @property
    def tx_packets(self) -> int:
        return sum(port.tx_packets for port in self._ports)

    @property
    def tx_bytes(self) -> int:
        return sum(port.tx_bytes for port in self._ports)

    @property
    def tx_dropped(self) -> int:
        return sum(port.tx_dropped for port in self._ports) + self._unreachable

    @property
    def delay(self) -> Histogram:
        """How long batches took on all ports, from the kernel's receipt to the last send, in seconds."""
        return Histogram.of(port.delay for port in self._ports)
