"""The listening socket of an HTTP server: accepts connections, if there is room for them."""

import asyncio
import socket
import ssl
from collections.abc import Callable

from shared.http.connections import Connections
from shared.http.limits import HttpLimits
from shared.http.protocol import BoundedProtocol

_PAUSE_SECONDS = 0.1  # when the kernel has no file or memory left for a connection


class Door:
    """Accepts until closed, in the running event loop. To uvicorn it is an `asyncio.Server`.

    asyncio's own server would accept connections without end, and tell nobody of those in a TLS handshake.
    """

    def __init__(
        self,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
        connections: Connections[HttpLimits],
        new_protocol: Callable[[], BoundedProtocol],
    ) -> None:
        self._listener = listener
        self._tls = tls
        self._connections = connections
        self._new_protocol = new_protocol
        self._loop = asyncio.get_running_loop()
        self._closed = False
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        self._closed = True
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """There is nothing to wait for: uvicorn itself waits for the connections."""

    def _accept(self) -> None:
        for _ in range(self._connections.limits.accepted_at_once):
            try:
                accepted, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._pause(_PAUSE_SECONDS)
                return
            protocol = self._new_protocol()
            until = self._loop.time() + self._connections.limits.head_seconds
            if self._connections.admit(protocol, address[0], until):
                protocol.open(accepted, self._tls)
            else:
                accepted.close()

        self._pause(self._connections.limits.accept_pause)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener, self._accept)
