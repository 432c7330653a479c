"""Peers that come over TCP, on real sockets: honest, slow, and strange ones."""

import asyncio
import contextlib
import random
import select
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from types import SimpleNamespace

import pytest

from media.counts import TcpEnd
from media.transport.address import MAX_DATAGRAM, Address, TcpAddress, udp_address
from media.transport.tcp import SEND_BUFFER, UNSENT_BYTES, TcpLimits, TcpPort
from media.transport.tcp_backlog import MOST_PICTURE_BYTES, TcpBacklog
from media.transport.tcp_connection import MOST_UNCHECKED, TcpConnection
from media.transport.tcp_frames import framed
from media.transport.udp import BATCH
from tests.support.peer import IN_TIME
from tests.support.tcp_peer import Stream
from tests.support.waiting import eventually

CHECK = b"\x00\x01" + bytes(18)  # looks like one
LIMITS = TcpLimits(look_seconds=0.02)
SOUND, PICTURE = 111, 96


class Server:
    """A port, and what came. Sessions take connections, and time passes, when a test says so."""

    def __init__(self, limits: TcpLimits, hosts: Sequence[str]) -> None:
        self.now = 0.0
        self.port = TcpPort(*[(host, 0) for host in hosts], limits=limits, clock=lambda: self.now)
        self.came: list[tuple[bytes, Address]] = []
        self.turns = 0
        self.streams: list[Stream] = []
        self.port.start(self._receive, self._afterwards)
        self.address: tuple[str, int] = self.port.addresses[0][:2]

    def _receive(self, batch: list[tuple[bytes, Address]]) -> bool:
        self.came += batch
        return False

    def _afterwards(self) -> None:
        self.turns += 1

    async def hears(self, stream: Stream, *datagrams: bytes) -> TcpAddress:
        """Wait until these came from a stream and return its address."""
        found: list[TcpAddress] = []

        def came() -> bool:
            here = [(data, at) for data, at in self.came if at[:2] == stream.name]
            found.extend(at for _, at in here if isinstance(at, TcpAddress))
            return [data for data, _ in here] == list(datagrams)

        await eventually("they came", came, IN_TIME)
        return found[0]

    async def stranger(self, source: str | None = None) -> Stream:
        """A connection, which is closed with the server."""
        self.streams.append(await Stream.open(self.address, source=source))
        return self.streams[-1]

    async def client(self) -> tuple[Stream, TcpAddress]:
        """A connection that a session has taken, and its address."""
        stream = await self.stranger()
        stream.send(CHECK)
        address = await self.hears(stream, CHECK)
        self.port.taken(address)
        self.came.clear()
        return stream, address

    def fill(self, stream: Stream, address: TcpAddress) -> TcpBacklog:
        """Send pictures to a client that does not read, until one waits."""
        stream.stall()
        backlog = self.port.backlog_to(address)
        assert backlog is not None
        while not backlog.octets:
            self.port.transmit(packet(PICTURE, 1), 1200, address)
        return backlog

    def ends(self, **reasons: int) -> bool:
        return self.port.stats.refused == {TcpEnd(reason): n for reason, n in reasons.items()}


@contextlib.asynccontextmanager
async def serving(limits: TcpLimits = LIMITS, hosts: Sequence[str] = ("127.0.0.1",)) -> AsyncIterator[Server]:
    server = Server(limits, hosts)
    try:
        yield server
    finally:
        server.port.close()
        for stream in server.streams:
            stream.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


def packet(kind: int, number: int, size: int = 1200) -> bytes:
    return bytes((0x80, kind)) + number.to_bytes(4) + bytes(size - 6)


def number_of(datagram: bytes) -> int:
    return int.from_bytes(datagram[2:6])


async def test_datagrams_go_both_ways(server: Server) -> None:
    stream = await server.stranger()
    first = b"\x03" + CHECK[1:]  # the highest that STUN begins with
    stream.send(first, b"\x16 a flight", b"\x80" + bytes(MAX_DATAGRAM - 1))
    address = await server.hears(stream, first, b"\x16 a flight", b"\x80" + bytes(MAX_DATAGRAM - 1))
    server.port.send(b"an answer", address)
    server.port.transmit(b"aaabbbcc", 3, address)
    await eventually("they came", lambda: stream.came == [b"an answer", b"aaa", b"bbb", b"cc"], IN_TIME)
    assert (server.port.tx_packets, server.port.tx_bytes, server.port.rx_datagrams) == (3, 8, 3)
    assert server.port.reaches(address)
    assert not server.port.reaches(udp_address(*stream.name))
    server.came.clear()
    checks = [CHECK] * (MOST_UNCHECKED - 3)
    stream.send(*checks)
    assert await server.hears(stream, *checks) == address


async def test_a_turn_ends_with_the_connection_that_fills_it(server: Server) -> None:
    streams = [(await server.client())[0] for _ in range(2)]
    server.turns = 0
    for stream in streams:
        stream.send(*[b"\x80"] * BATCH)
    await eventually("all came", lambda: len(server.came) == 2 * BATCH, IN_TIME)
    assert server.turns == 2
    began = monotonic()
    server.port._turn()  # there is nothing
    assert monotonic() - began < 0.5
    assert server.turns == 2


async def test_a_client_that_fills_each_turn_does_not_keep_the_others_out(server: Server) -> None:
    *floods, other = [(await server.client())[0] for _ in range(4)]
    for flood in floods:
        flood.send(*[b"\x80"] * 20_000)
    other.send(b"\x80 of the other")
    await eventually("all came", lambda: len(server.came) == 60_001, IN_TIME)
    at = next(place for place, (came, _) in enumerate(server.came) if came == b"\x80 of the other")
    assert at <= len(floods) * BATCH, "it came after more than one turn of each flood"


async def test_a_turn_does_what_a_connection_is_ready_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.client()
    [file] = server.port._by_file
    done: list[str] = []
    monkeypatch.setattr(TcpConnection, "flush", lambda _: done.append("out"))
    monkeypatch.setattr(TcpConnection, "receive", lambda _: done.append("in") or [])
    both = select.EPOLLIN | select.EPOLLOUT
    for events, does in (
        *((select.EPOLLIN, ["in"]), (select.EPOLLOUT, ["out"])),
        *((both, ["out", "in"]), (select.EPOLLHUP, ["in"])),
    ):
        ready = [(-1, events), (file, events)]  # the first was closed in this turn
        with monkeypatch.context() as patch:
            patch.setattr(server.port, "_epoll", SimpleNamespace(poll=lambda *_: ready))  # noqa: B023
            server.port._turn()
        assert done == does
        done.clear()


async def test_the_kernel_holds_little_for_a_peer_and_does_not_wait_for_it_long(server: Server) -> None:
    await server.client()
    [connection] = server.port._by_file.values()
    wanted = {socket.TCP_NODELAY: 1, socket.TCP_NOTSENT_LOWAT: UNSENT_BYTES, socket.TCP_USER_TIMEOUT: 30_000}
    options = {option: connection.socket.getsockopt(socket.IPPROTO_TCP, option) for option in wanted}
    assert options == wanted
    most = min(SEND_BUFFER, int(Path("/proc/sys/net/core/wmem_max").read_text()))
    assert connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * most


async def test_a_connection_is_no_other_one_from_the_same_place(server: Server) -> None:
    first, address = await server.client()
    assert address != address._replace(number=address.number + 1)
    first.close()
    await eventually("it is gone", lambda: not server.port.reaches(address), IN_TIME)
    server.port.send(b"to nobody", address)
    server.port.transmit(b"aabb", 2, address)
    assert server.port.backlog_to(address) is None
    assert server.port.tx_dropped == 3
    assert len(server.port) == 0


async def test_a_stranger_without_a_check_is_closed_and_a_client_is_not(server: Server) -> None:
    client, address = await server.client()
    idle, slow = [await server.stranger() for _ in range(2)]
    slow.send_bytes(framed(CHECK, len(CHECK))[:-1])
    await eventually("all are accepted", lambda: len(server.port) == 3, IN_TIME)
    server.now = LIMITS.check_seconds
    for stranger in (idle, slow):
        await stranger.ended()
    server.now = 1e6
    client.send(b"\x80 media")
    assert await server.hears(client, b"\x80 media") == address
    assert server.ends(unchecked=2)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (framed(b"\x80" + bytes(100), 101), TcpEnd.NOT_ICE),
        (framed(b"\x16\xfe\xfd" + bytes(100), 103), TcpEnd.NOT_ICE),
        (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", TcpEnd.LONG_FRAME),
        ((MAX_DATAGRAM + 1).to_bytes(2), TcpEnd.LONG_FRAME),
        (random.Random(7).randbytes(100_000), TcpEnd.LONG_FRAME),
        (b"\x00\x01\x01" * 1000, TcpEnd.NOT_ICE),
        (framed(CHECK, len(CHECK)) * (MOST_UNCHECKED + 1), TcpEnd.NOT_ICE),
    ],
    ids=["media", "dtls", "http", "long", "random", "tiny", "many"],
)
async def test_a_stranger_who_says_something_else_is_closed_at_once(
    server: Server, said: bytes, reason: TcpEnd
) -> None:
    stream = await server.stranger()
    stream.send_bytes(said)
    await stream.ended()
    assert server.port.stats.refused[reason] == 1 or said[:2] not in (b"\xff", b"GE")
    assert sum(server.port.stats.refused.values()) == 1
    assert len(server.came) <= 32


async def test_a_client_who_sends_a_long_frame_is_closed(server: Server) -> None:
    stream, _ = await server.client()
    stream.send_bytes(b"\x00\x04good\xff\xff")
    await stream.ended()
    assert server.ends(long_frame=1)


async def test_strangers_lose_their_own_oldest_connections_and_clients_none() -> None:
    async with serving(replace(LIMITS, waiting_of_client=3, waiting=5, connections=7)) as server:
        client, address = await server.client()
        flood = [await server.stranger("127.0.0.2") for _ in range(6)]
        for stream in flood[:3]:
            await stream.ended()
        others = [await server.stranger(f"127.0.1.{host}") for host in range(1, 7)]
        for stream in (*flood[3:], others[0]):
            await stream.ended()
        assert len(server.port) == 6
        server.port.send(b"\x80 media", address)
        await eventually("it came", lambda: client.came == [b"\x80 media"], IN_TIME)
        assert server.ends(no_room=7)
        assert not any(stream.over.is_set() for stream in others[1:])


async def test_clients_do_not_make_room_for_a_stranger() -> None:
    async with serving(replace(LIMITS, connections=1)) as server:
        client, _ = await server.client()
        await (await server.stranger()).ended()
        assert server.ends(no_room=1)
        assert len(server.port) == 1
        client.close()
        await eventually("it is gone", lambda: len(server.port) == 0, IN_TIME)
        await server.client()


async def test_a_slow_peer_gets_whole_packets_sound_first_and_holds_little(server: Server) -> None:
    stream, address = await server.client()
    backlog = server.port.backlog_to(address)
    assert backlog is not None
    backlog.sound_types = frozenset((SOUND,))
    stream.stall()
    sent = {SOUND: 0, PICTURE: 0}
    for number in range(6000):  # 60 s of 1 Mbit/s
        server.now = number / 100
        kind = SOUND if number % 2 else PICTURE
        server.port.transmit(
            packet(kind, number) if kind == PICTURE else packet(kind, number, 80), 1200, address
        )
        sent[kind] += 1
        assert backlog.octets < MOST_PICTURE_BYTES + 100_000
        if number % 100 == 0:
            await asyncio.sleep(0)
    server.port.send(b"\x15 goodbye", address)
    stream.go_on()
    await eventually("the last came", lambda: stream.came[-1:] and b"\x15 goodbye" in stream.came, IN_TIME)
    await eventually("all came", lambda: backlog.octets == 0, IN_TIME)
    numbers = {kind: [number_of(data) for data in stream.came if data[1] == kind] for kind in sent}
    assert all(found == sorted(found) for found in numbers.values())
    assert sum(map(len, stream.came)) < 400_000  # of 4 MB
    assert numbers[SOUND][-1] == 5999
    assert backlog.cuts > 0
    assert server.port.stats.dropped_packets == 6000 - len(numbers[SOUND]) - len(numbers[PICTURE])


@pytest.mark.parametrize("use", [lambda port, at: port.send(b"x", at), TcpPort.left], ids=["sent to", "left"])
async def test_a_connection_that_was_reset_is_over_when_it_is_used(
    server: Server, use: Callable[[TcpPort, Address], None]
) -> None:
    with socket.create_connection(server.address) as client:
        client.sendall(framed(CHECK, len(CHECK)))
        await eventually("it came", lambda: server.came, IN_TIME)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    use(server.port, server.came[0][1])
    assert not server.port._by_file
    assert server.ends()


async def test_a_session_that_ends_says_goodbye(server: Server) -> None:
    stream, address = await server.client()
    backlog = server.fill(stream, address)
    server.port.transmit(packet(PICTURE, 2), 1200, address)
    server.port.send(b"\x15 goodbye", address)
    server.port.left(address)
    assert not server.port.reaches(address)
    stream.send(b"\x80 too late")
    stream.go_on()
    await stream.ended()
    assert stream.came[-1] == b"\x15 goodbye"
    assert backlog.octets == 0
    assert not server.came
    await eventually("it is closed", lambda: len(server.port._by_file) == 0, IN_TIME)


async def test_a_peer_that_does_not_close_is_closed_after_goodbye(server: Server) -> None:
    stream, address = await server.client()
    server.fill(stream, address)
    server.port.send(b"\x15 goodbye", address)
    server.port.left(address)
    server.now += 10.0
    await eventually("it is closed", lambda: len(server.port._by_file) == 0, IN_TIME)
    assert server.ends()


async def test_both_families_are_one_port() -> None:
    port = TcpPort(("127.0.0.1", 0), ("::1", 0))
    came: list[tuple[bytes, Address]] = []
    port.start(lambda batch: came.extend(batch) or False)  # type: ignore[func-returns-value]
    streams = [await Stream.open((address[0], address[1])) for address in port.addresses]
    for stream in streams:
        stream.send(CHECK)
    await eventually("both came", lambda: len(came) == 2, IN_TIME)
    assert {address[:2] for _, address in came} == {stream.name for stream in streams}
    assert port.stats.accepted == 2
    every = TcpPort(("0.0.0.0", 0), ("::", 0))  # neither takes the other's place, nor the first port's
    port.close()
    every.start(lambda _: False)
    assert len({address[1] for address in every.addresses}) == 1
    every.close()


async def test_a_port_may_be_opened_again_at_once() -> None:
    """Its connections, which it has closed itself, are remembered by the kernel for a minute."""
    async with serving() as server:
        await server.stranger()
        await eventually("it is accepted", lambda: len(server.port) == 1, IN_TIME)
        file = server.port._epoll.fileno()
    assert not asyncio.get_running_loop().remove_reader(file)
    assert server.port._epoll.closed
    assert server.port._timer.cancelled()
    again = TcpPort(server.address)
    again.start(lambda _: False)
    again.close()


async def test_an_address_that_is_taken_is_refused(server: Server) -> None:
    with pytest.raises(OSError):
        TcpPort(("127.0.0.1", 0), server.address)
