"""A line that loses, delays and throttles UDP on its way between clients and a worker, by a seed.

It is a forwarder in user space, since not every kernel can do this to its own devices. Clients send to its
front, which stands where they believe the worker to be; each gets a port of its own towards the worker.
"""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

Address = tuple[str, int]

SOCKET_BUFFER = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Of one direction of a line."""

    loss: float = 0.0  # a share of 1
    delay: float = 0.0  # seconds
    jitter: float = 0.0  # seconds, at most, on top of the delay; reorders
    rate: int | None = None  # bits a second, None: no limit
    queue: float = 0.3  # seconds that a datagram may wait for its turn at that rate; otherwise it is lost


class Direction:
    """One direction: when each datagram comes out, if it does. `quality` may be changed at any time."""

    def __init__(self, quality: Quality, seed: int) -> None:
        self.quality = quality
        self.sent = self.lost = 0  # datagrams put in, and those of them that never came out
        self._random = random.Random(seed)
        self._free_at = 0.0

    def send(self, size: int, now: float) -> float | None:
        """When a datagram of `size` bytes, put in at `now`, comes out; None when it is lost."""
        quality = self.quality
        self.sent += 1
        chance, jitter = self._random.random(), self._random.random() * quality.jitter
        begins = max(now, self._free_at)
        if chance < quality.loss or (quality.rate and begins - now > quality.queue):
            self.lost += 1
            return None
        if quality.rate:
            begins = self._free_at = begins + size * 8 / quality.rate
        return begins + quality.delay + jitter


class BadLine:
    """The forwarder. `to_server` and `to_client` are its two directions, shared by all clients."""

    def __init__(self, server: Address, to_server: Quality, to_client: Quality, seed: int) -> None:
        self.to_server = Direction(to_server, seed)
        self.to_client = Direction(to_client, seed + 1)
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._backs: dict[Address, socket.socket] = {}

    def open(self, front: socket.socket) -> None:
        self._front = front
        self._watch(front, self._from_client)

    def close(self) -> None:
        for end in (self._front, *self._backs.values()):
            self._loop.remove_reader(end)
            end.close()

    def _watch(self, end: socket.socket, receive: Callable[[bytes, Address], None]) -> None:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)

        def readable() -> None:
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                while True:
                    receive(*end.recvfrom(2048))

        self._loop.add_reader(end, readable)

    def _from_client(self, datagram: bytes, client: Address) -> None:
        back = self._backs.get(client)
        if back is None:
            back = self._backs[client] = socket.socket(type=socket.SOCK_DGRAM)
            self._watch(back, lambda reply, _: self._pass(self.to_client, reply, self._front, client))
        self._pass(self.to_server, datagram, back, self._server)

    def _pass(self, direction: Direction, datagram: bytes, end: socket.socket, to: Address) -> None:
        at = direction.send(len(datagram) + 28, self._loop.time())  # with the headers of IP and UDP
        if at is not None:
            self._loop.call_at(at, _send, end, datagram, to)


def _send(end: socket.socket, datagram: bytes, to: Address) -> None:
    with contextlib.suppress(OSError):  # closed meanwhile, or nobody listens any more
        end.sendto(datagram, to)


@contextlib.asynccontextmanager
async def bad_line(
    server: Address,
    front: socket.socket,
    *,
    to_server: Quality = Quality(),
    to_client: Quality = Quality(),
    seed: int = 1,
) -> AsyncIterator[BadLine]:
    """Forward between the clients of `front`, a bound UDP socket that this takes over, and `server`."""
    line = BadLine(server, to_server, to_client, seed)
    line.open(front)
    try:
        yield line
    finally:
        line.close()
