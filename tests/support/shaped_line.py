"""A narrow line between clients and a worker: a forwarder of UDP in user space, changed on command.

Not every kernel can shape its own devices, and a test wants one line for each viewer. Clients send to its
front, where they are told that the worker is; each gets a port of its own towards the worker, and all of them
share the line.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable

from tests.support.line_shape import OPEN, Shape, Way

Address = tuple[str, int]
Sending = tuple[socket.socket, bytes, Address]

SOCKET_BUFFER = 1024 * 1024
BINDING_REQUEST = b"\0\x01"  # how a check begins (RFC 8489 5)
HEADERS = 28  # octets of IP and UDP
LOOPBACK = "127.0.0.1"
BATCH = 64  # datagrams that a socket gives before the others have their turn


class ShapedLine:
    """The forwarder; `up` is towards the worker, `down` towards the clients. `late`: its longest delay by
    the machine, in seconds, since the last look."""

    def __init__(self, server: Address, front: socket.socket, up: Shape, down: Shape, seed: int) -> None:
        self._server = server
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._up = _Timed(self._loop, Way(up, seed))
        self._down = _Timed(self._loop, Way(down, seed + 1))
        self._backs: dict[Address, socket.socket] = {}
        self._checks = True  # whether clients' binding requests pass
        self._watch(front, self._from_client)

    @property
    def up(self) -> Way[Sending]:
        return self._up.way

    @property
    def down(self) -> Way[Sending]:
        return self._down.way

    @property
    def address(self) -> Address:
        """Where clients send to."""
        host, port = self._front.getsockname()
        return host, port

    def late(self) -> float:
        """By how much the latest datagram came out too late since the last call, in seconds."""
        worst = max(self._up.late, self._down.late)
        self._up.late = self._down.late = 0.0
        return worst

    def shape(self, *, down: Shape | None = None, up: Shape | None = None) -> None:
        """Change it from now on."""
        if down is not None:
            self._down.reshape(down)
        if up is not None:
            self._up.reshape(up)

    def mix(self, datagram: bytes, to: Address) -> None:
        """Send somebody else's datagram down the line."""
        self._down.enter((self._front, datagram, to))

    def move(self, *, checks: bool = True) -> None:
        """Let all clients come from another address from now on; without `checks` their media alone tells."""
        self._checks = checks
        for back in self._backs.values():
            self._loop.remove_reader(back)
            back.close()
        self._backs.clear()

    def lead(self, answer: str) -> str:
        """An answer of the worker, whose candidates are this line's front."""
        host, port = self.address
        answer = re.sub(
            rf"{re.escape(self._server[0])} {self._server[1]} typ host", f"{host} {port} typ host", answer
        )
        return re.sub(rf"m=(\w+) {self._server[1]} ", rf"m=\1 {port} ", answer)

    def close(self) -> None:
        for end in (self._front, *self._backs.values()):
            self._loop.remove_reader(end)
            end.close()
        self._up.close()
        self._down.close()

    def _watch(self, end: socket.socket, receive: Callable[[bytes, Address], None]) -> None:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)

        def readable() -> None:
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                for _ in range(BATCH):
                    receive(*end.recvfrom(2048))

        self._loop.add_reader(end, readable)

    def _from_client(self, datagram: bytes, client: Address) -> None:
        if not self._checks and datagram.startswith(BINDING_REQUEST):
            return
        back = self._backs.get(client)
        if back is None:
            back = self._backs[client] = socket.socket(type=socket.SOCK_DGRAM)
            self._watch(back, lambda reply, _: self._down.enter((self._front, reply, client)))
        self._up.enter((back, datagram, self._server))


class _Timed:
    """A way, and the alarm for its next datagram."""

    def __init__(self, loop: asyncio.AbstractEventLoop, way: Way[Sending]) -> None:
        self.way = way
        self.late = 0.0
        self._loop = loop
        self._alarm: asyncio.TimerHandle | None = None

    def enter(self, sending: Sending) -> None:
        self.way.enter(len(sending[1]) + HEADERS, sending, self._loop.time())
        self._pass_on()

    def reshape(self, shape: Shape) -> None:
        self.way.reshape(shape, self._loop.time())
        self._pass_on()

    def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()

    def _pass_on(self) -> None:
        now = self._loop.time()
        due = self.way.due()
        if due is not None and due <= now:
            self.late = max(self.late, now - due)
            for end, datagram, to in self.way.leave(now):
                with contextlib.suppress(OSError):  # nobody listens any more
                    end.sendto(datagram, to)
            due = self.way.due()
        if self._alarm is not None:
            if due == self._alarm.when():
                return
            self._alarm.cancel()
        self._alarm = None if due is None else self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self._pass_on()


@contextlib.asynccontextmanager
async def shaped_line(
    server: Address,
    *,
    down: Shape = OPEN,
    up: Shape = OPEN,
    front: socket.socket | None = None,
    seed: int = 1,
) -> AsyncIterator[ShapedLine]:
    """Forward between clients and `server`.

    `front` is a bound UDP socket that this takes over, maybe of a network namespace; by default it has a free
    port of this host, to which `lead` leads clients.
    """
    if front is None:
        front = socket.socket(type=socket.SOCK_DGRAM)
        front.bind((LOOPBACK, 0))
    line = ShapedLine(server, front, up, down, seed)
    try:
        yield line
    finally:
        line.close()
