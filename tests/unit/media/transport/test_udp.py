"""The socket: runs leave in one call and arrive as single datagrams, and nothing that goes wrong stops it."""

import asyncio
import fcntl
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator
from unittest.mock import Mock

import pytest

from media.rtp.run import MOST_PACKETS
from media.transport.address import MAX_RUN_BYTES, Address
from media.transport.udp import BATCH, MAX_DATAGRAM, SAMPLE_EVERY, UDP_GRO, UdpPort
from tests.support.loopback import LOOPBACKS
from tests.support.waiting import eventually

IN_TIME = 5.0
UNROUTABLE: Address = ("240.0.0.1", 9)  # reserved: no host has a way there


class PlainPort(UdpPort):
    """As on a kernel without UDP GSO and GRO."""

    def _supports(self, option: int, value: int) -> bool:
        return False


@pytest.fixture(params=[UdpPort, PlainPort])
async def port(request: pytest.FixtureRequest) -> AsyncIterator[UdpPort]:
    port: UdpPort = request.param("127.0.0.1", 0)
    port.start(lambda _: None)
    yield port
    port.close()


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        peer.settimeout(IN_TIME)
        yield peer


def received(peer: socket.socket, count: int) -> list[bytes]:
    """That many datagrams, and no more."""
    datagrams = [peer.recv(65536) for _ in range(count)]
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(65536)
    peer.settimeout(IN_TIME)
    return datagrams


def run_of(size: int, count: int, last: int | None = None) -> list[bytes]:
    sizes = [size] * (count - 1) + [size if last is None else last]
    return [bytes((number,)) * length for number, length in enumerate(sizes)]


@pytest.mark.parametrize(
    "datagrams",
    [
        run_of(1000, 1),
        run_of(1000, 10),
        run_of(1000, 10, last=1),
        run_of(1, MOST_PACKETS),
        run_of(MAX_RUN_BYTES // MOST_PACKETS, MOST_PACKETS),
        run_of(1200, MAX_RUN_BYTES // 1200),
    ],
    ids=lambda datagrams: f"{len(datagrams)} of {len(datagrams[0])}",
)
def test_segments_arrive_as_datagrams(port: UdpPort, peer: socket.socket, datagrams: list[bytes]) -> None:
    port.transmit(memoryview(b"".join(datagrams)), len(datagrams[0]), peer.getsockname())
    assert received(peer, len(datagrams)) == datagrams
    assert port.tx_dropped == 0


def test_a_run_may_be_overwritten_as_soon_as_it_was_sent(port: UdpPort, peer: socket.socket) -> None:
    buffer = bytearray(b"a" * 100 + b"b" * 100)
    port.transmit(memoryview(buffer), 100, peer.getsockname())
    buffer[:] = bytes(200)
    assert received(peer, 2) == [b"a" * 100, b"b" * 100]


@pytest.mark.parametrize("port", [UdpPort], indirect=True)
def test_this_kernel_sends_segments(port: UdpPort) -> None:
    assert port._can_segment
    assert port._socket.getsockopt(socket.IPPROTO_UDP, UDP_GRO) == 1  # and receives them joined
    assert not port._supports(0x7FFF, 1)


def test_what_the_kernel_will_not_send_as_a_run_is_sent_singly(port: UdpPort, peer: socket.socket) -> None:
    datagrams = run_of(10, 2 * MOST_PACKETS + 20)  # more than a run may have: EINVAL
    port.transmit(b"".join(datagrams), 10, peer.getsockname())
    assert received(peer, len(datagrams)) == datagrams


def test_a_run_that_is_too_long_for_one_send_arrives(port: UdpPort, peer: socket.socket) -> None:
    """EMSGSIZE, as for a segment that the route's MTU does not take."""
    datagrams = run_of(40_000, 2)
    port.transmit(b"".join(datagrams), 40_000, peer.getsockname())
    assert received(peer, 2) == datagrams


def test_what_is_too_long_for_udp_is_dropped_and_counted(port: UdpPort, peer: socket.socket) -> None:
    port.send(bytes(70_000), peer.getsockname())
    assert port.tx_dropped == 1
    port.transmit(bytes(65_530), 65_530, peer.getsockname())
    assert port.tx_dropped == 2
    port.send(b"still here", peer.getsockname())
    assert received(peer, 1) == [b"still here"]


def test_a_full_buffer_costs_what_it_does_not_take(port: UdpPort, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback's is never full."""
    monkeypatch.setattr(port, "_socket", Mock(**{"sendto.side_effect": BlockingIOError}))
    port.transmit(bytes(300), 100, UNROUTABLE)
    port.send(b"x", UNROUTABLE)
    assert port.tx_dropped == (2 if port._can_segment else 4)  # sends
    assert port._socket.sendto.call_count == port.tx_dropped  # type: ignore[attr-defined]


def test_what_is_sent_between_runs_is_not_split(port: UdpPort, peer: socket.socket) -> None:
    there = peer.getsockname()
    long = b"a handshake's, longer than a segment".ljust(150)
    port.transmit(bytes(300), 100, there)
    port.send(b"a report", there)
    port.transmit(bytes(250), 100, there)
    port.send(long, there)
    port.transmit(bytes(200), 100, there)
    port.transmit(bytes(200), 70, there)
    whole = bytes(100)
    expected = [whole, whole, whole, b"a report", whole, whole, bytes(50), long, whole, whole]
    assert received(peer, 13) == [*expected, bytes(70), bytes(70), bytes(60)]


@pytest.mark.parametrize("port", [UdpPort], indirect=True)
def test_only_what_would_be_split_costs_a_call_more(
    port: UdpPort, peer: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    split: list[int] = []
    monkeypatch.setattr(port, "_split_at", split.append)
    for port._segment, size, calls in ((0, 5, 0), (5, 5, 0), (5, 6, 1), (1, 2, 1)):
        port.send(bytes(size), peer.getsockname())
        assert split == [0] * calls
        split.clear()


def test_an_address_without_a_route_costs_only_its_own_datagrams(port: UdpPort, peer: socket.socket) -> None:
    port.send(b"x", UNROUTABLE)
    port.transmit(bytes(300), 100, UNROUTABLE)
    port.send(b"x", ("127.0.0.1", 0))  # no such port
    assert port.tx_dropped == 5
    port.transmit(b"ab", 1, peer.getsockname())
    assert received(peer, 2) == [b"a", b"b"]


def test_what_is_sent_to_viewers_is_counted_by_datagram(port: UdpPort, peer: socket.socket) -> None:
    port.transmit(bytes(300), 100, peer.getsockname())
    port.transmit(bytes(107), 100, peer.getsockname())
    port.send(b"a check's answer", peer.getsockname())
    assert (port.tx_packets, port.tx_bytes) == (5, 407)


# --- receiving


async def test_the_delay_of_media_is_measured_from_its_arrival_in_the_kernel(
    port: UdpPort, peer: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch in sixteen is measured, of media only, with the time that it waited for the process."""
    seen: list[int] = []

    def receive(batch: list[tuple[bytes, Address]]) -> bool:
        seen.extend(len(datagram) for datagram, _ in batch)
        return batch[0][0] == b"media"

    port.start(receive)
    for kind, measured in ((b"check", 0), (b"media", 2)):
        seen.clear()
        for number in range(2 * SAMPLE_EVERY):
            peer.sendto(kind, port.address)
            time.sleep(0.003)  # noqa: ASYNC251  # the loop is busy with something else
            await eventually("it arrived", lambda: len(seen) > number, IN_TIME, every=0)  # noqa: B023
        assert port.delay.count == measured
    assert 2 * 0.003 <= (measured_seconds := port.delay.sum) < IN_TIME
    assert port.rx_datagrams == 4 * SAMPLE_EVERY
    monkeypatch.setattr(time, "time", lambda: 0.0)  # the clock was set back: no delay is negative
    for _ in range(SAMPLE_EVERY):
        peer.sendto(b"media", port.address)
        await eventually("it arrived", lambda: len(seen) > 2 * SAMPLE_EVERY, IN_TIME, every=0)
        seen.pop()
    assert (port.delay.count, port.delay.sum) == (3, measured_seconds)


@pytest.mark.parametrize("host", LOOPBACKS)
async def test_datagrams_come_by_batches_in_order_with_their_source(host: str) -> None:
    port = UdpPort(host, 0)
    batches: list[list[tuple[bytes, Address]]] = []
    port.start(batches.append)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    count = 2 * BATCH + 50
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as peer:
            peer.bind((host, 0))
            for number in range(count):
                peer.sendto(number.to_bytes(2), port.address)
            peer.sendto(b"", port.address)
            await eventually(
                "all arrived", lambda: sum(len(batch) for batch in batches) == count + 1, IN_TIME
            )
            source = peer.getsockname()
    finally:
        port.close()
    assert max(len(batch) for batch in batches) == BATCH
    arrived = [item for batch in batches for item in batch]
    assert arrived == [(n.to_bytes(2), source) for n in range(count)] + [(b"", source)]


@pytest.mark.parametrize("host", LOOPBACKS)
async def test_a_run_that_the_kernel_has_joined_comes_as_its_datagrams(host: str) -> None:
    """Runs arrive joined when they left joined, or when the network card's driver has put them together."""
    port, peer = UdpPort(host, 0), UdpPort(host, 0)
    batches: list[list[tuple[bytes, Address]]] = []
    port.start(batches.append)
    peer.start(lambda _: None)
    runs = [run_of(1000, 10), run_of(500, MOST_PACKETS, last=3), run_of(100, 1), run_of(1200, 2, last=1)]
    try:
        for run in runs:
            peer.transmit(b"".join(run), len(run[0]), port.address)
        await eventually("all arrived", lambda: sum(map(len, batches)) == sum(map(len, runs)), IN_TIME)
    finally:
        port.close()
        peer.close()
    arrived = [item for batch in batches for item in batch]
    assert arrived == [(datagram, peer.address) for run in runs for datagram in run]
    assert port.rx_datagrams == len(arrived)


async def test_the_call_for_the_end_of_a_batch_comes_after_each(port: UdpPort, peer: socket.socket) -> None:
    calls: list[int] = []
    port.start(lambda batch: calls.append(len(batch)), lambda: calls.append(0))
    for count in (1, 2):
        peer.sendto(b"x", port.address)
        await eventually("it arrived", lambda: len(calls) == 2 * count, IN_TIME)  # noqa: B023
    assert calls == [1, 0, 1, 0]


@pytest.mark.parametrize("port", [UdpPort], indirect=True)
@pytest.mark.parametrize(("taken", "most"), [(0, BATCH), (1, BATCH), (BATCH // 2, 2), (BATCH, 1)])
async def test_a_turn_ends_with_enough_datagrams_or_an_endless_stream_of_foreign_ones(
    port: UdpPort, taken: int, most: int
) -> None:
    reads = 0

    def read(batch: list[tuple[bytes, Address]]) -> None:
        nonlocal reads
        reads += 1
        batch += [(b"", UNROUTABLE)] * taken

    port._read = read  # type: ignore[assignment, method-assign]
    port._readable()
    assert reads == most


def test_the_kernel_tells_when_a_datagram_came_to_the_nanosecond(
    port: UdpPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: struct.pack("qq", 1_700_000_000, 250_000_000))
    assert port._arrival() == 1_700_000_000.25


async def test_a_datagram_beyond_the_longest_is_ignored(port: UdpPort, peer: socket.socket) -> None:
    batches: list[list[tuple[bytes, Address]]] = []
    port.start(batches.append)
    peer.sendto(bytes(MAX_DATAGRAM + 1), port.address)
    peer.sendto(bytes(MAX_DATAGRAM), port.address)
    await eventually("it arrived", lambda: batches, IN_TIME)
    assert [len(datagram) for batch in batches for datagram, _ in batch] == [MAX_DATAGRAM]


async def test_a_failure_of_the_receiver_does_not_end_receiving(port: UdpPort, peer: socket.socket) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    batches: list[int] = []

    def receive(batch: list[tuple[bytes, Address]]) -> None:
        batches.append(len(batch))
        raise RuntimeError

    port.start(receive)
    for count in (1, 2):
        peer.sendto(b"x", port.address)
        await eventually("it arrived", lambda: len(batches) == count, IN_TIME)  # noqa: B023
    assert len(failures) == 2


@pytest.mark.parametrize("port", [UdpPort], indirect=True)
def test_a_taken_address_is_an_error_and_leaves_no_socket_open(port: UdpPort) -> None:
    with pytest.raises(OSError, match="in use"):
        UdpPort("127.0.0.1", port.address[1])


def test_both_families_have_one_number() -> None:
    four = UdpPort("0.0.0.0", 0)
    UdpPort("::", four.address[1]).close()  # neither takes the other's place
    four.close()
