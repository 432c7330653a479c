"""What the HTTP servers of both planes share: their listening socket, and how they stop."""

import asyncio
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import uvicorn

from shared.host_port import HostPort
from shared.settings import SettingsError

_TICK_SECONDS = 1.0  # between two updates of the Date header


def listen(setting: str, address: HostPort) -> socket.socket:
    """A listening TCP socket; an empty host means every address, IPv6 and IPv4.

    Raises `SettingsError`, which names `setting`, when the address cannot be used.
    """
    every = not address.host
    dual = every and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or ":" in address.host else socket.AF_INET
    try:
        return socket.create_server(address, family=family, dualstack_ipv6=dual)
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"{setting}: cannot listen on {address}: {reason}") from None


class HttpServer(uvicorn.Server):
    """Stops gracefully on the signals `stop_on`, and leaves all other signals to its process."""

    def __init__(self, config: uvicorn.Config, stop_on: Sequence[signal.Signals] = ()) -> None:
        super().__init__(config)
        self._stop_on = stop_on
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let `serve` return once the requests under way are answered."""
        self.should_exit = True
        self._stopping.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Called by `serve`. uvicorn's own raises the signals again afterwards, which kills the process."""
        loop = asyncio.get_running_loop()
        for number in self._stop_on:
            loop.add_signal_handler(number, self._stop_on_signal, number)
        try:
            yield
        finally:
            for number in self._stop_on:
                loop.remove_signal_handler(number)

    async def main_loop(self) -> None:
        """Called by `serve`. uvicorn's own wakes ten times a second: a twentieth of an idle worker's CPU."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._stopping.wait()

    def _stop_on_signal(self, number: signal.Signals) -> None:
        self.handle_exit(number, None)  # a second SIGINT does not wait for the requests
        self._stopping.set()
