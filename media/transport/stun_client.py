"""Asks STUN servers where they see a worker's ports, from those ports themselves."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

from media.rtp.joined import Joined, datagrams_of
from media.transport.address import Address
from media.transport.mapping import Mapping, Question
from media.transport.stun import BINDING_SUCCESS
from media.transport.udp import UdpPort
from shared.settings.host_port import HostPort


class StunClient:
    """Asks `servers` for each of `ports`. Whoever reads the ports gives it their STUN responses by `take`."""

    def __init__(self, ports: Sequence[UdpPort], servers: Sequence[HostPort]) -> None:
        self._ports = tuple(ports)
        self._servers = servers
        self._questions: tuple[Question, ...] = ()
        self._known: dict[tuple[UdpPort, HostPort], list[Address]] = {}  # while names cannot be resolved
        self._answered = asyncio.Event()

    async def ask(self, seconds: float) -> tuple[Mapping, ...]:
        """What the servers see of each port, in their order. Waits `seconds` at most."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        named = [self._addresses(port, server, until) for port in self._ports for server in self._servers]
        found = [address for addresses in await asyncio.gather(*named) for address in addresses]
        self._questions = tuple(
            Question(address for address in found if port.reaches(address)) for port in self._ports
        )
        while (now := loop.time()) < until and not all(one.is_answered for one in self._questions):
            self._answered.clear()
            for port, asked in zip(self._ports, self._questions, strict=True):
                for request, server in asked.due(now):
                    port.send(request, server)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(until, *(one.due_at for one in self._questions))):
                    await self._answered.wait()
        return tuple(one.mapping for one in self._questions)

    async def _addresses(self, port: UdpPort, server: HostPort, until: float) -> list[Address]:
        """The first address of `server` in the family of `port`, if it has one there; or the last known."""
        family = socket.AF_INET6 if ":" in str(port.address[0]) else socket.AF_INET
        try:
            async with asyncio.timeout_at(until):
                found = await asyncio.get_running_loop().getaddrinfo(
                    server.host, server.port, family=family, type=socket.SOCK_DGRAM
                )
        except (OSError, TimeoutError, UnicodeError):
            return self._known.get((port, server), [])
        self._known[port, server] = [cast(Address, each[4]) for each in found[:1]]
        return self._known[port, server]

    def take(self, data: bytes, source: Address) -> bool:
        """Whether a STUN response answers a question of ours."""
        taken = any(one.take(data, source) for one in self._questions)
        if taken:
            self._answered.set()
        return taken

    def turn(self, batch: Sequence[tuple[bytes | Joined, Address]]) -> bool:
        """Take a batch of datagrams: what reads a port on which nothing else is served yet."""
        for data, source in batch:
            for datagram in datagrams_of(data):
                if datagram.startswith(BINDING_SUCCESS):
                    self.take(datagram, source)
        return False


async def mappings_of(
    ports: Sequence[UdpPort], servers: Sequence[HostPort], seconds: float
) -> tuple[Mapping, ...]:
    """Ask on `ports` before they serve: what the servers see of each, in their order.

    They are read from now on, until `start` is called for another reader, or `close`.
    """
    client = StunClient(ports, servers)
    for port in ports:
        port.start(client.turn, lambda: None)
    return await client.ask(seconds)
