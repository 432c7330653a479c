"""Peers over TCP (RFC 6544, active; RFC 4571): a bare one, and a client with ICE, DTLS and SRTP."""

import asyncio
import re
import socket
from typing import Self

from media.transport.tcp_frames import FrameReader, framed
from tests.support.peer import IN_TIME, Peer

RECEIVE_BUFFER = 32 * 1024  # small: what a peer does not read soon waits at the server


class Stream(asyncio.Protocol):
    """One connection: what came, and whether it is over. `reads` may be switched off: a stalled line."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.over = asyncio.Event()
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, address: tuple[str, int], *, source: str | None = None) -> Self:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        opened = socket.socket(family)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            opened.bind((source, 0))
        loop = asyncio.get_running_loop()
        await loop.sock_connect(opened, address)
        _, stream = await loop.create_connection(cls, sock=opened)
        return stream

    @property
    def name(self) -> tuple[str, int]:
        """Its own address."""
        assert self._transport
        host, port, *_ = self._transport.get_extra_info("sockname")
        return host, port

    def send(self, *datagrams: bytes) -> None:
        self.send_bytes(b"".join(framed(datagram, len(datagram)) for datagram in datagrams))

    def send_bytes(self, data: bytes) -> None:
        """Anything, framed or not."""
        assert self._transport
        if not self._transport.is_closing():
            self._transport.write(data)

    def stall(self) -> None:
        assert self._transport
        self._transport.pause_reading()

    def go_on(self) -> None:
        assert self._transport
        self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def ended(self, within: float = IN_TIME) -> None:
        """Wait until the server has closed it."""
        await asyncio.wait_for(self.over.wait(), within)

    # --- as a protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for datagram in self._reader.feed(data):
            self.received(datagram)

    def received(self, datagram: bytes) -> None:
        self.came.append(datagram)

    def connection_lost(self, _: Exception | None) -> None:
        self.over.set()


class _ClientStream(Stream):
    client: "TcpPeer | None" = None

    def received(self, datagram: bytes) -> None:
        if self.client is not None:
            self.client.datagram_received(datagram, self.name)


class TcpPeer(Peer):
    """A client that uses the answer's TCP candidate only. `move` opens another connection."""

    stream: _ClientStream | None = None

    async def move(self) -> None:
        former = self.stream
        self.stream = await _ClientStream.open(self._server)
        self.stream.client = self
        if former is not None:
            former.close()

    async def take(self, answer: str) -> None:
        await super().take(re.sub(r"a=candidate:.* udp .*\r\n", "", answer))

    def send(self, datagram: bytes) -> None:
        if self.stream is not None:
            self.stream.send(datagram)

    def close(self, *, without_a_word: bool = False) -> None:
        if self.stream is not None and without_a_word:
            self.stream.close()
        super().close(without_a_word=without_a_word)
        if self.stream is not None:
            self.stream.close()


def tcp_candidate(answer: str) -> tuple[str, int]:
    """Where an answer says that the server listens for TCP."""
    found = re.search(r"a=candidate:\d+ 1 tcp \d+ (\S+) (\d+) typ host tcptype passive", answer)
    assert found, answer
    return found[1], int(found[2])
