"""A STUN server, by another implementation."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from aioice import stun

from media.transport.address import Address
from shared.settings.host_port import HostPort


class StunServer(asyncio.DatagramProtocol):
    """Tells where it sees whoever asks, unless a test changes `sees`; None: it is silent.

    `requests` are where they came from.
    """

    def __init__(self) -> None:
        self.requests: list[Address] = []
        self.sees: Callable[[Address], Address | None] = lambda source: source
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def at(self) -> HostPort:
        assert self._transport is not None
        return HostPort(*self._transport.get_extra_info("sockname")[:2])

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, source: Any) -> None:
        request = stun.parse_message(data)
        assert (request.message_method, request.message_class) == (stun.Method.BINDING, stun.Class.REQUEST)
        self.requests.append(source)
        if (seen := self.sees(source)) is not None:
            self.send(mapped(request.transaction_id, seen), source)

    def send(self, datagram: bytes, to: Address) -> None:
        assert self._transport is not None
        self._transport.sendto(datagram, to)


def mapped(transaction_id: bytes, seen: Address, password: str = "") -> bytes:
    """The answer that names the address `seen`; with a `password`, that to a check of ICE."""
    answer = stun.Message(
        stun.Method.BINDING,
        stun.Class.RESPONSE,
        transaction_id=transaction_id,
        attributes={"XOR-MAPPED-ADDRESS": seen[:2]},
    )
    if password:
        answer.add_message_integrity(password.encode())
    return bytes(answer)


@contextlib.asynccontextmanager
async def stun_server(
    host: str = "127.0.0.1", sock: socket.socket | None = None
) -> AsyncIterator[StunServer]:
    """At `host`, or behind a socket that is bound already."""
    where: dict[str, Any] = {"sock": sock} if sock is not None else {"local_addr": (host, 0)}
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(StunServer, **where)
    try:
        yield server
    finally:
        transport.close()
