"""What the HTTP servers of both planes share: their listening socket, their limits, and how they stop."""

import asyncio
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from shared.beat import until_beat
from shared.http.connections import Connections
from shared.http.door import Door
from shared.http.limits import HttpLimits
from shared.http.protocol import BoundedProtocol, Headers
from shared.settings.family import family_of
from shared.settings.host_port import HostPort
from shared.settings.settings import SettingsError
from shared.telemetry.logging import get_logger

STALL_SECONDS = 60.0  # a client may read, or acknowledge, nothing of an answer for this long
BACKLOG = 2048  # connections that the kernel keeps until they are accepted
_RECEIVE_BYTES = 65_536  # asked of the kernel, which doubles it; no client sends more at once
OTHER_FILES = 128  # files that a process has open besides its HTTP connections
_WARN_SECONDS = 60.0

log = get_logger()


def listen(setting: str, address: HostPort) -> socket.socket:
    """A listening TCP socket; an empty host means every address, IPv6 and IPv4.

    Raises `SettingsError`, which names `setting`, when the address cannot be used.
    """
    try:
        listener = bind_tcp(address)
    except OSError as error:
        # `create_server` adds to the reason how Python writes the address, which stands here already.
        reason = (error.strerror or str(error)).partition(" (while attempting")[0]
        raise SettingsError(f"{setting}: cannot listen on {address}: {reason}") from None
    bound_connections(listener)
    return listener


def bind_tcp(address: HostPort) -> socket.socket:
    """A listening TCP socket, as `listen` opens it; raises `OSError`."""
    if address.host:
        return socket.create_server(address, family=family_of(address.host), backlog=BACKLOG)
    dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    return socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=dual)


def bound_connections(listener: socket.socket, stall_seconds: float = STALL_SECONDS) -> None:
    """Bound what the kernel holds for the connections of `listener`, which inherit it, and for how long."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(stall_seconds * 1000))


class HttpServer(uvicorn.Server):
    """Stops gracefully on the signals `stop_on`, and leaves all other signals to its process.

    `trusts` says from which address any number of connections may come. `refusal_headers` are in answers that
    no application gives: its own have what it wants in them.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        stop_on: Sequence[signal.Signals] = (),
        limits: HttpLimits | None = None,
        trusts: Callable[[str], bool] = lambda _address: False,
        refusal_headers: Headers = (),
    ) -> None:
        super().__init__(config)
        self._connections = Connections(within_files(limits or HttpLimits()), trusts)
        self._refusal_headers = refusal_headers
        self._stop_on = stop_on
        self._woken = asyncio.Event()  # it is to stop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._warned_at = float("-inf")

    def stop(self) -> None:
        """Let `serve` return once the requests under way are answered. Any thread may call it."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has stopped already
                self._loop.call_soon_threadsafe(self._woken.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by `serve`, with sockets. uvicorn's own opens the door to everybody."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        new_protocol = partial(
            BoundedProtocol,
            self._connections,
            self._refusal_headers,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self.servers = [
            Door(listener, self.config.ssl, self._connections, new_protocol)  # type: ignore[misc]
            for listener in sockets or ()
        ]
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by `serve`. At a second signal uvicorn's own has the application cancelled, and logs it."""
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Called by `serve`. uvicorn's own raises the signals again afterwards, which kills the process."""
        self._loop = loop = asyncio.get_running_loop()
        for number in self._stop_on:
            loop.add_signal_handler(number, self._stop_on_signal, number)
        try:
            yield
        finally:
            for number in self._stop_on:
                loop.remove_signal_handler(number)

    async def main_loop(self) -> None:
        """Called by `serve`. uvicorn's own wakes ten times a second: a twentieth of an idle worker's CPU."""
        loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(until_beat(loop.time(), self._connections.limits.look_seconds)):
                    await self._woken.wait()
            self._look(loop.time())

    def _look(self, now: float) -> None:
        connections = self._connections
        connections.look(now)
        if (connections.closed or connections.refused) and now >= self._warned_at + _WARN_SECONDS:
            log.warning(
                "too many HTTP connections: those that waited longest were closed, or new ones refused",
                closed=connections.closed,
                refused=connections.refused,
                open=len(connections),
            )
            connections.closed = connections.refused = 0
            self._warned_at = now

    def _stop_on_signal(self, number: signal.Signals) -> None:
        self.handle_exit(number, None)  # a second SIGINT does not wait for the requests
        self._woken.set()


def within_files(limits: HttpLimits) -> HttpLimits:
    """A connection is an open file: with too many of them, no other one can be accepted."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return limits
    return replace(limits, connections=min(limits.connections, max(1, files - OTHER_FILES)))
