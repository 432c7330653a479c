"""A UDP server that sends back what it gets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:  # by type none in early Python 3.11
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)


@contextlib.asynccontextmanager
async def udp_echo(host: str) -> AsyncIterator[tuple[str, int]]:
    """At a free port of `host`; its address."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Echo, local_addr=(host, 0))
    try:
        yield transport.get_extra_info("sockname")
    finally:
        transport.close()
