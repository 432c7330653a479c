"""A peer is sent to through the port of its address family, and what belongs to no port is dropped."""

import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest

from media.transport.address import Address, udp_address
from media.transport.ports import Ports
from media.transport.tcp import TcpPort
from media.transport.udp import SAMPLE_EVERY, UdpPort
from tests.support.loopback import LOOPBACKS
from tests.support.tcp_peer import Stream
from tests.support.waiting import eventually

IN_TIME = 5.0


class Far:
    """A peer at each loopback address, and what came from where."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.ends = [UdpPort(host, 0) for host in LOOPBACKS]
        self.heard: dict[Address, list[tuple[bytes, Address]]] = {end.address: [] for end in self.ends}
        for end in self.ends:
            end.start(partial(self._receive, end.address))

    def _receive(self, here: Address, batch: list[tuple[bytes, Address]]) -> bool:
        self.heard[here] += batch
        return False

    def hears(self, end: UdpPort, *datagrams: bytes) -> bool:
        """Whether it got these and nothing else, all from the worker's address of its own family."""
        here = next(address for address in self.ports.addresses if end.reaches(address))
        return self.heard[end.address] == [(datagram, here) for datagram in datagrams]


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    ports = Ports(*(UdpPort(host, 0) for host in LOOPBACKS))
    ports.start(lambda _: True)
    far = Far(ports)
    yield far
    ports.close()
    for end in far.ends:
        end.close()


async def test_each_family_leaves_through_its_own_port(far: Far) -> None:
    assert len(far.ends) == 2
    for end in far.ends:
        far.ports.transmit_to(end.address)(b"aabb", 2, end.address)
        far.ports.send(b"a report", end.address)
    for end in far.ends:
        await eventually("it came", lambda: far.hears(end, b"aa", b"bb", b"a report"), IN_TIME)  # noqa: B023
    assert (far.ports.tx_packets, far.ports.tx_bytes, far.ports.tx_dropped) == (4, 8, 0)


async def test_what_all_ports_receive_is_counted_and_timed_together(far: Far) -> None:
    for end in far.ends:
        to = next(address for address in far.ports.addresses if end.reaches(address))
        for number in range(SAMPLE_EVERY):
            before = far.ports.rx_datagrams
            end.send(bytes([number]), to)
            await eventually("it came", lambda: far.ports.rx_datagrams > before, IN_TIME, every=0)  # noqa: B023
    assert far.ports.rx_datagrams == 2 * SAMPLE_EVERY
    assert far.ports.delay.count == 2


async def test_what_no_port_reaches_is_dropped_and_counted() -> None:
    ports = Ports(UdpPort("127.0.0.1", 0))
    ports.start(lambda _: False)
    there = udp_address("::1", 9)
    ports.transmit_to(there)(bytes(250), 100, there)
    ports.send(b"a report", there)
    ports.taken(there)
    ports.left(there)
    ports.close()
    assert (ports.tx_packets, ports.tx_bytes, ports.tx_dropped) == (0, 0, 4)
    assert (ports.tcp_number, ports.backlog_to(there), ports.fan_out_to(there)) == (None, None, None)


async def test_a_connection_is_told_of_its_session_and_tells_what_waits() -> None:
    udp, tcp = UdpPort("127.0.0.1", 0), TcpPort(("127.0.0.1", 0))
    ports = Ports(udp, tcp=tcp)
    batches: list[object] = []
    ports.start(lambda batch: bool(batches.append(batch)), lambda: batches.append("afterwards"))
    assert ports.tcp_number == tcp.number
    stream = await Stream.open(("127.0.0.1", tcp.number))
    stream.send(b"\0 a check")
    await eventually("it came", lambda: batches[1:], IN_TIME)
    [address] = tcp._by_address
    assert batches == [[(b"\0 a check", address)], "afterwards"]
    ports.taken(address)
    assert tcp._by_address[address].taken
    assert ports.backlog_to(address) is tcp.backlog_to(address) is not None
    assert ports.backlog_to(udp.address) is None
    ports.send(b"a report", address)
    ports.transmit_to(address)(b"aabb", 2, address)
    ports.left(address)
    await stream.ended()
    assert stream.came == [b"a report", b"aa", b"bb"]
    assert (ports.tx_packets, ports.tx_bytes, ports.rx_datagrams) == (2, 4, 1)
    ports.close()


@pytest.mark.parametrize("host", LOOPBACKS)
def test_a_named_address_equals_that_from_which_a_socket_receives(host: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((host, 0))
        assert udp_address(host, peer.getsockname()[1]) == peer.getsockname()
