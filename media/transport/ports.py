"""The media ports of one worker. A peer is sent to through the port that its address belongs to."""

from collections.abc import Callable, Iterator

from media.counts import Histogram
from media.rtp.run import MakeOpener
from media.transport.address import Address, Backlog, FanOut, Receive, Transmit
from media.transport.tcp import TcpPort
from media.transport.udp import UdpPort


class Ports:
    """Owns the ports of a worker, at least one.

    `ports` are in the order in which clients are told of them.
    """

    def __init__(self, *ports: UdpPort, tcp: TcpPort | None = None) -> None:
        self._udp = ports
        self.tcp = tcp
        self._ports: tuple[UdpPort | TcpPort, ...] = ports if tcp is None else (*ports, tcp)
        self._unreachable = 0  # datagrams to addresses of no port

    def __iter__(self) -> Iterator[UdpPort]:
        """The UDP ports."""
        return iter(self._udp)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses at which the UDP ports listen."""
        return tuple(port.address for port in self._udp)

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
        return next((port.make_opener for port in self._udp), None)

    def transmit_to(self, address: Address) -> Transmit:
        """What transmits to `address`. For the many: look it up when the address is chosen, and keep it."""
        port = self._to(address)
        return self._drop if port is None else port.transmit

    def fan_out_to(self, address: Address) -> FanOut | None:
        """What sends a run to `address` and others at once; None: each is sent to by `transmit`."""
        return next((port.fan_out for port in self._udp if port.reaches(address)), None)

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

    def _to(self, address: Address) -> UdpPort | TcpPort | None:
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
        """How long batches took, from the kernel's receipt to the last send, in seconds.

        Over UDP: of a stream the kernel does not say when its bytes came.
        """
        return Histogram.of(port.delay for port in self._udp)
