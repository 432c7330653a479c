"""A NAT before the server: each client gets a port of its own, until it is rebound.

Clients send to its `address` in place of the server's.
"""

import asyncio
import re
from typing import Any, Self

Address = tuple[Any, ...]
LOOPBACK = "127.0.0.1"


class Nat(asyncio.DatagramProtocol):
    """For the clients of one server."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self._outside: dict[Address, asyncio.DatagramTransport] = {}
        self._opening: dict[Address, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._inside: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._inside, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(LOOPBACK, 0))
        self.address: Address = self._inside.get_extra_info("sockname")
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._tasks)
        self.rebind()
        assert self._inside
        self._inside.close()

    def lead(self, answer: str) -> str:
        """An answer whose candidates are the NAT's."""
        server, inside = (
            f"{self._server[0]} {self._server[1]} typ host",
            f"{LOOPBACK} {self.address[1]} typ host",
        )
        assert server in answer
        return re.sub(
            rf"m=(\w+) {self._server[1]} ", rf"m=\1 {self.address[1]} ", answer.replace(server, inside)
        )

    def rebind(self) -> None:
        """Forget all bindings: a client's next datagram leaves from another port."""
        for transport in self._outside.values():
            transport.close()
        self._outside.clear()

    def datagram_received(self, data: bytes, client: Address) -> None:
        if client in self._outside:
            self._outside[client].sendto(data, self._server)
        elif client in self._opening:
            self._opening[client].append(data)
        else:
            self._opening[client] = [data]
            task = asyncio.create_task(self._bind(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _bind(self, client: Address) -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Outside(self, client), local_addr=(LOOPBACK, 0)
        )
        self._outside[client] = transport
        for data in self._opening.pop(client):
            transport.sendto(data, self._server)

    def send_inside(self, data: bytes, client: Address) -> None:
        assert self._inside
        if not self._inside.is_closing():
            self._inside.sendto(data, client)


class _Outside(asyncio.DatagramProtocol):
    def __init__(self, nat: Nat, client: Address) -> None:
        self._nat, self._client = nat, client

    def datagram_received(self, data: bytes, _: Address) -> None:
        self._nat.send_inside(data, self._client)
