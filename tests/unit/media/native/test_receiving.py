"""What is read natively from a port: what Python reads, whatever comes."""

import os
import socket
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.native.choice import NativeSending
from media.transport.address import MAX_DATAGRAM, Address
from media.transport.udp import BATCH, SAMPLE_EVERY, UDP_SEGMENT, UdpPort
from tests.support.native_loop import NATIVE

many = settings(max_examples=int(os.environ.get("NATIVE_INPUTS", "100")), deadline=None)


def arrived(host: str, sends: Sequence[tuple[int, int, int]], *, native: bool) -> list[tuple[bytes, Address]]:
    """What a port gets of such sends: how many bytes, split every so many, and by which of two sockets."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    port = UdpPort(host, 0, NATIVE if native else None)
    senders = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(2)]
    got: list[tuple[bytes, Address]] = []
    names = {}
    for sender in senders:
        sender.bind((host, 0))
        names[sender.getsockname()] = len(names)
    for number, (length, size, who) in enumerate(sends):
        senders[who].setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size if length > size else 0)
        senders[who].sendto(bytes((number,)) * length, port.address)
    port._receive = lambda batch: bool(got.extend(batch))
    port._afterwards = lambda: None
    for _ in range(len(sends) + 1):
        port._until_sample = 10
        port._readable()
    assert port.rx_datagrams == len(got)
    for end in (port, *senders):
        end.close()
    return [(data, (host, names[source])) for data, source in got]


sends = st.lists(
    st.tuples(st.integers(0, 5000), st.sampled_from([100, 1116, 1400, 2048, 3000]), st.integers(0, 1)),
    max_size=12,
).map(lambda found: [(min(length, 60 * size), size, who) for length, size, who in found])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_runs_and_datagrams_of_any_size_are_read_as_in_python(host: str) -> None:
    @many
    @given(sends)
    def check(those: list[tuple[int, int, int]]) -> None:
        assert arrived(host, those, native=True) == arrived(host, those, native=False)

    check()


def test_datagrams_of_a_run_share_their_source_and_a_batch_ends() -> None:
    port, peer = UdpPort("127.0.0.1", 0, NATIVE), UdpPort("127.0.0.1", 0)
    for _ in range(5):
        peer.transmit(bytes(40 * 60), 40, port.address)
    batch = NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM)
    assert len(batch) == 180  # the run with the 128th is read to its end
    assert len({id(source) for _, source in batch}) == 1
    assert batch[0] == (bytes(40), peer.address)
    assert len(NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM)) == 120
    assert NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM) == []
    port.close()
    peer.close()


def test_a_flood_of_what_is_left_out_does_not_keep_the_loop() -> None:
    port, peer = UdpPort("127.0.0.1", 0, NATIVE), UdpPort("127.0.0.1", 0)
    for _ in range(BATCH + 1):
        peer.transmit(bytes(MAX_DATAGRAM + 1), MAX_DATAGRAM + 1, port.address)
    peer.transmit(b"behind it", 9, port.address)
    assert NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM) == []
    assert NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM) == [(b"behind it", peer.address)]
    port.close()
    peer.close()


@pytest.mark.parametrize("native", [NATIVE, None])
def test_a_turn_in_which_nothing_came_ends_neither_samples_nor_native_reading(
    native: NativeSending | None,
) -> None:
    """The kernel wakes a reader also for a datagram that it drops then, for its checksum."""
    port, peer = UdpPort("127.0.0.1", 0, native), UdpPort("127.0.0.1", 0)
    port._receive = lambda batch: True
    port._afterwards = lambda: None
    port._until_sample = 1
    port._readable()
    for _ in range(3 * SAMPLE_EVERY):
        peer.transmit(b"x", 1, port.address)
        port._readable()
    assert port.delay.count == 3
    assert port._until_sample > 0
    port.close()
    peer.close()


def test_an_error_of_the_socket_ends_a_batch_and_nothing_else() -> None:
    """Nobody listens there: ICMP says so to the next read."""
    port, peer = UdpPort("127.0.0.1", 0, NATIVE), UdpPort("127.0.0.1", 0)
    gone = peer.address
    peer.close()
    port._socket.connect(gone)
    port._socket.send(b"x")
    assert NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM) == []
    port.close()
    assert NATIVE.receive(-1, BATCH, MAX_DATAGRAM) == []


@pytest.mark.parametrize("arguments", [(), (1, 2), ("x", 1, 1), (1, 1, 1 << 40), (None, 1, 1)])
def test_it_refuses_what_is_no_socket(arguments: tuple[object, ...]) -> None:
    with pytest.raises((TypeError, OverflowError)):
        NATIVE.receive(*arguments)  # type: ignore[arg-type]
