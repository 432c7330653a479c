"""What is read natively from a port: what Python reads, whatever comes."""

import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.native.choice import NativeSending
from media.rtp.joined import Joined, datagrams_of
from media.transport.address import MAX_DATAGRAM, Address
from media.transport.udp import BATCH, SAMPLE_EVERY, UDP_SEGMENT, UdpPort
from tests.support.native_loop import NATIVE, many


def singly(batch: Iterable[tuple[bytes | Joined, Address]]) -> list[tuple[bytes, Address]]:
    return [(datagram, source) for data, source in batch for datagram in datagrams_of(data)]


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
    port._receive = lambda batch: bool(got.extend(singly(batch)))
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
    batch, count, _ = NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM, False)
    assert count == 180  # the run with the 128th is read to its end
    assert [len(data) for data, _ in batch] == [60] * 3
    assert len({id(source) for _, source in batch}) == 1
    assert singly(batch)[0] == (bytes(40), peer.address)
    assert NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM, False)[1] == 120
    assert NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM, False) == ([], 0, 0.0)
    port.close()
    peer.close()


def test_a_flood_of_what_is_left_out_does_not_keep_the_loop() -> None:
    port, peer = UdpPort("127.0.0.1", 0, NATIVE), UdpPort("127.0.0.1", 0)
    for _ in range(BATCH + 1):
        peer.transmit(bytes(MAX_DATAGRAM + 1), MAX_DATAGRAM + 1, port.address)
    peer.transmit(b"behind it", 9, port.address)
    assert NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM, False) == ([], 0, 0.0)
    assert NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM, False) == (
        [(b"behind it", peer.address)],
        1,
        0.0,
    )
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
    assert NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM, False) == ([], 0, 0.0)
    port.close()
    assert NATIVE.receive(-1, BATCH, MAX_DATAGRAM, False) == ([], 0, 0.0)


def test_it_tells_when_the_first_run_came() -> None:
    port, peer = UdpPort("127.0.0.1", 0, NATIVE), UdpPort("127.0.0.1", 0)
    port._arrival()  # the first call makes the kernel take time stamps from now on
    before = time.time()
    peer.transmit(bytes(10), 5, port.address)
    peer.transmit(b"later", 5, port.address)
    first = NATIVE.receive(port._socket.fileno(), 1, MAX_DATAGRAM, True)[2]
    second = NATIVE.receive(port._socket.fileno(), 1, MAX_DATAGRAM, True)[2]
    assert before - 1 < first < second < time.time() + 1
    for data in (bytes(10), b"later"):
        peer.transmit(data, 5, port.address)
    both = NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM, True)[2]
    assert second < both < port._arrival()  # type: ignore[operator]
    port.close()
    peer.close()


def joined(*parts: tuple[bytes, int]) -> Any:
    """What comes of datagrams that are sent at once: the bytes, and after how many they are split."""
    port, peer = UdpPort("127.0.0.1", 0, NATIVE), UdpPort("127.0.0.1", 0)
    for data, size in parts:
        peer.transmit(data, size, port.address)
    ((data, _),), _, _ = NATIVE.receive(port._socket.fileno(), BATCH, MAX_DATAGRAM, False)
    port.close()
    peer.close()
    return data


@pytest.mark.parametrize(("length", "size"), [(10, 5), (11, 5), (9, 5), (6, 5), (2000, 1000)])
def test_joined_datagrams_are_those_that_were_sent(length: int, size: int) -> None:
    sent = bytes(n & 0xFF for n in range(length))
    run = joined((sent, size))
    assert list(run) == [sent[at : at + size] for at in range(0, length, size)]
    assert (len(run), run.octets) == (len(list(run)), length)
    assert run[-1] == list(run)[-1]
    assert run.head == sent[: min(size, 12)]
    for place in (len(run), -1 - len(run)):
        with pytest.raises(IndexError):
            run[place]


def test_what_was_read_stays_as_it_is_while_more_is_read() -> None:
    runs = [joined((bytes((n,)) * 20, 10)) for n in range(70)]
    assert [list(run) for run in runs] == [[bytes((n,)) * 10] * 2 for n in range(70)]
    del runs[::2]
    again = [joined((bytes((n,)) * 20, 10)) for n in range(100, 140)]
    assert [run[1] for run in runs] == [bytes((n,)) * 10 for n in range(1, 70, 2)]
    assert [run[1] for run in again] == [bytes((n,)) * 10 for n in range(100, 140)]


@pytest.mark.parametrize(("last", "within"), [(127, False), (128, True), (191, True), (192, False)])
def test_each_of_them_begins_within_bounds_or_they_do_not(last: int, within: bool) -> None:
    assert joined((b"\x90xxx\x80xxx" + bytes((last,)), 4)).begin_within(128, 191) is within


def test_joined_datagrams_are_made_by_reading_only() -> None:
    run = joined((bytes(10), 5))
    with pytest.raises(TypeError):
        type(run)()
    for arguments in ((), (1,), ("x", 1), (1 << 80, 1)):
        with pytest.raises((TypeError, OverflowError)):
            run.begin_within(*arguments)


@pytest.mark.parametrize(
    "arguments", [(), (1, 2, 3), ("x", 1, 1, False), (1, 1, 1 << 40, False), (None, 1, 1, False)]
)
def test_it_refuses_what_is_no_socket(arguments: tuple[object, ...]) -> None:
    with pytest.raises((TypeError, OverflowError)):
        NATIVE.receive(*arguments)  # type: ignore[arg-type]
