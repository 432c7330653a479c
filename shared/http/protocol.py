"""uvicorn's HTTP protocol, with bounds on what a connection may hold and for how long.

Without them httptools keeps heads and trailers of any size, and uvicorn any number of pipelined requests.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from shared.http.connections import Connections
from shared.http.limits import HttpLimits

Headers = Sequence[tuple[bytes, bytes]]

LEAVE_SECONDS = 0.1  # for requests that were under way when the server began to stop
_SLICE_BYTES = 16_384  # bytes that are parsed at once: by so much the bounds below may be exceeded

_REASONS = {
    400: b"invalid request",
    408: b"request timeout",
    414: b"request target too long",
    431: b"request header fields too large",
}


class _Phase(Enum):
    HEAD = auto()  # waits for a request
    BODY = auto()  # waits for the rest of a request
    UNREAD = auto()  # waits for the rest of a request that is answered already
    ANSWER = auto()


class _StopError(Exception):
    """Stops the parser. httptools turns it into an `HttpParserError`."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection, which `connections` has admitted.

    `refusal_headers` are in the answers that it gives itself, to requests that could not be read.
    """

    def __init__(
        self, connections: Connections[HttpLimits], refusal_headers: Headers = (), **uvicorn: Any
    ) -> None:
        super().__init__(**uvicorn)
        self._app, self.app = self.app, self._answer
        self._connections = connections
        self._limits = connections.limits
        self._refusal_headers = refusal_headers
        self._accepted: socket.socket | None = None
        self._opening: asyncio.Task[None] | None = None  # kept, so that it is not collected
        self._cycles: deque[RequestResponseCycle] = deque()  # of requests without a complete answer
        self._phase = _Phase.HEAD
        self._last = False  # no request follows the present one
        self._leaves = False  # the server stops
        self._deaf = False  # nothing more is parsed
        self._status = 400  # to refuse with
        self._head_open = False
        self._body_open = False
        self._silent_bytes = 0  # that the parser has taken since it last reported something
        self._count_anew()

    # --- begin and end

    def open(self, accepted: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Begin, with the TLS handshake if there is to be one."""
        self._accepted = accepted
        self._opening = self.loop.create_task(self._open(accepted, tls))

    async def _open(self, accepted: socket.socket, tls: ssl.SSLContext | None) -> None:
        seconds = self._limits.head_seconds if tls else None
        try:
            await self.loop.connect_accepted_socket(
                lambda: self, accepted, ssl=tls, ssl_handshake_timeout=seconds, ssl_shutdown_timeout=seconds
            )
        except OSError:  # the client has gone, or speaks no TLS, or not in time
            accepted.close()
        finally:
            if self.transport is None:
                self._connections.leave(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.leave(self)
        super().connection_lost(exc)
        for cycle in self._cycles:  # uvicorn tells only the newest
            cycle.disconnected = True
            cycle.body = bytearray()  # a request that still runs reads no more of it
            cycle.message_event.set()
        for cycle, _ in self.pipeline:  # they are parts of reference cycles, which the collector finds late
            cycle.scope["headers"] = []
        self.pipeline.clear()
        self.headers, self.url = [], b""

    def cut(self) -> None:
        self._deaf = True
        if self.transport is not None:
            self.transport.abort()
        elif self._accepted is not None:
            with suppress(OSError):  # the client was faster
                self._accepted.shutdown(socket.SHUT_RDWR)  # so `_open` ends, and cleans up

    def overdue(self) -> None:
        if self.transport is None:
            self.cut()
        elif self.transport.get_write_buffer_size():  # `bound_connections` ends those who do not read
            self._connections.wait(self, self.loop.time() + self._limits.head_seconds)
        elif self.transport.is_closing() or self._phase is _Phase.UNREAD:
            self.cut()
        elif self._head_open or self._body_open:
            self._refuse(408)
        else:
            self.transport.close()
            self._connections.wait(self, self.loop.time() + self._limits.head_seconds)

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops. Its own closes idle connections at once.

        Then a proxy's request that is under way there is lost, and with a body nobody may send it again.
        """
        self._leaves = True
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(LEAVE_SECONDS, super().shutdown)
        else:
            super().shutdown()

    # --- from the client

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        view = memoryview(data)
        for start in range(0, len(data), _SLICE_BYTES):
            part = view[start : start + _SLICE_BYTES]
            if self._deaf:
                self._discard(len(part))
            else:
                self._parse(part)

    def _parse(self, data: memoryview) -> None:
        self._silent_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # `on_headers_complete` has made it the last request
        except httptools.HttpParserError:
            if not self._deaf:
                self._refuse(self._status)
        else:
            # an unfinished field, trailer or chunk extension
            if self._silent_bytes > self._limits.head_bytes:
                self._refuse(431 if self._head_open else 400)

    def _discard(self, count: int) -> None:
        self._unread_bytes += count
        if self._phase is _Phase.UNREAD and self._unread_bytes > self._limits.unread_bytes:
            self.cut()

    def on_message_begin(self) -> None:
        if self._last:
            self._deaf = True
            raise _StopError
        super().on_message_begin()
        self._head_open = True
        self._count_anew()

    def _count_anew(self) -> None:
        self._field_bytes = self._fields = self._hosts = self._unread_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._silent_bytes = 0
        if len(self.url) > self._limits.head_bytes:
            self._stop(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._silent_bytes = 0
        self._fields += 1
        self._field_bytes += len(name) + len(value)
        if self._fields > self._limits.fields or self._field_bytes > self._limits.head_bytes:
            self._stop(431)
        # A trailer is no header: a proxy may pass on what it would not take as one (RFC 9110 6.5.1).
        if self._head_open:
            self._hosts += name.lower() == b"host"
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._hosts > 1 or (self._hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._stop(400)  # RFC 9112 3.2: two hops might take two hosts
        super().on_headers_complete()
        self._cycles.append(self.cycle)
        self._head_open, self._body_open = False, True
        self._settle()
        # There is nothing to upgrade to, and what follows may be anything. Who pipelines too many requests
        # gets the first ones answered, and asks again for the others (RFC 9112 9.3.2).
        if self._leaves or self.parser.should_upgrade() or len(self.pipeline) >= self._limits.pipelined:
            self.cycle.keep_alive = False
        self._last = not self.cycle.keep_alive

    def on_body(self, body: bytes) -> None:
        self._silent_bytes = 0
        super().on_body(body)
        if self.cycle.response_complete:
            self._discard(len(body))

    def on_message_complete(self) -> None:
        self._body_open = False
        super().on_message_complete()
        self._settle()

    # --- to the client

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Half an answer ends its connection at once: uvicorn would wait until all that waits was read."""
        try:
            await self._app(scope, receive, send)
        finally:
            if any(cycle.scope is scope and cycle.response_started for cycle in self._cycles):
                self.cut()

    def on_response_complete(self) -> None:
        self._cycles.popleft()
        super().on_response_complete()
        self._settle()

    def _stop(self, status: int) -> None:
        self._status = status
        raise _StopError

    def _refuse(self, status: int) -> None:
        """Answer with an error, unless another answer is under way, and close.

        Closing a connection with unread data resets it, and the client may lose the answer (RFC 9112 9.6): so
        its data is discarded for a moment.
        """
        self._deaf = True
        cycle, *others = self._cycles or [None]
        if cycle is not None and (others or cycle.response_started or not self._body_open):
            self.cut()
            return
        body = b'{"error":"%s"}' % _REASONS[status]
        head = [STATUS_LINE[status]]
        fields = [*self.server_state.default_headers, *self._refusal_headers]
        head += [b"%s: %s\r\n" % field for field in fields]
        head += [b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)]
        self.transport.write(b"".join([*head, b"connection: close\r\n\r\n", body]))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:  # TLS
            self.transport.close()
        if cycle is not None:  # its request will not be complete
            cycle.disconnected = True
            cycle.message_event.set()
        self._phase = _Phase.UNREAD
        self._connections.wait(self, self.loop.time() + self._limits.unread_seconds)

    def _settle(self) -> None:
        """Tell `connections` what this one waits for."""
        limits = self._limits
        if self._body_open and len(self._cycles) < 2:
            phase = _Phase.BODY if self._cycles else _Phase.UNREAD
        else:
            phase = _Phase.ANSWER if self._cycles else _Phase.HEAD
        seconds = {
            _Phase.HEAD: limits.head_seconds,
            _Phase.BODY: limits.body_seconds,
            _Phase.UNREAD: limits.unread_seconds,
        }.get(phase)
        self._phase = phase
        if seconds is None:
            self._connections.answer(self)
        else:
            self._connections.wait(self, self.loop.time() + seconds)
