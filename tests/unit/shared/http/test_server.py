"""A listening socket is on the address that a setting names, and connections leave files for other uses."""

import asyncio
import resource
import signal
import socket
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest
import uvicorn
from structlog.testing import capture_logs

from shared.http import protocol
from shared.http import server as module
from shared.http.limits import HttpLimits
from shared.http.server import STALL_SECONDS, HttpServer, listen
from shared.settings.host_port import HostPort
from shared.settings.settings import SettingsError
from tests.support.loopback import LOOPBACKS
from tests.unit.shared.http.http_stage import (
    GET,
    PATIENCE_SECONDS,
    rest_of,
    serving,
    status_of,
)


def test_an_address_that_is_taken_is_named() -> None:
    with listen("HTTP_ADDR", HostPort("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SettingsError, match=f"^HTTP_ADDR: cannot listen on 127.0.0.1:{port}: Address already in use$"
        ):
            listen("HTTP_ADDR", HostPort("127.0.0.1", port))


def test_an_empty_host_is_every_address_of_both_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RECEIVE_BYTES", 30_000)  # the kernel doubles it
    with listen("HTTP_ADDR", HostPort("", 0)) as listener:
        port = listener.getsockname()[1]
        for host in LOOPBACKS:
            socket.create_connection((host, port), timeout=2).close()
        stall = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert stall == 1000 * STALL_SECONDS  # and so for each connection
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 60_000


async def test_a_server_stops_on_its_signals_and_leaves_them_to_the_process_afterwards() -> None:
    server = HttpServer(uvicorn.Config("app", log_config=None), [signal.SIGUSR1])
    before = signal.getsignal(signal.SIGUSR1)
    with server.capture_signals():
        signal.raise_signal(signal.SIGUSR1)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await server._woken.wait()
        assert server.should_exit
        server.stop()
    assert signal.getsignal(signal.SIGUSR1) is before


async def test_a_request_that_is_under_way_when_it_stops_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a connection that a proxy keeps."""
    monkeypatch.setattr(protocol, "LEAVE_SECONDS", PATIENCE_SECONDS)
    async with serving() as served:
        reader, writer = await served.connect()
        writer.write(GET)
        assert status_of(await reader.readuntil(b"read")) == 200
        for connection in served.server.server_state.connections:
            connection.shutdown()
        writer.write(GET)
        said = await rest_of(reader, writer)
        assert status_of(said) == 200
        assert b"connection: close" in said.lower()


async def test_an_app_that_does_not_start_ends_the_process() -> None:
    server = HttpServer(uvicorn.Config("app", log_config=None))
    server.lifespan = cast(Any, SimpleNamespace(startup=AsyncMock(), should_exit=True))
    with pytest.raises(SystemExit):
        await server.startup([])
    server.lifespan.startup.assert_awaited_once()


@pytest.mark.parametrize(
    ("files", "connections"), [(100, 1), (1024, 896), (65_536, 12_000), (resource.RLIM_INFINITY, 12_000)]
)
def test_a_process_with_few_files_takes_fewer_connections(
    monkeypatch: pytest.MonkeyPatch, files: int, connections: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    server = HttpServer(uvicorn.Config("app", log_config=None), limits=HttpLimits(connections=12_000))
    assert server._connections.limits.connections == connections


def test_connections_that_had_to_go_are_told_once_a_minute_and_not_again() -> None:
    server = HttpServer(uvicorn.Config("app", log_config=None))
    connections = server._connections
    with capture_logs() as said:
        for now, closed, refused in [(0, 2, 0), (0.5, 0, 0), (59, 0, 3), (60, 1, 0), (90, 0, 0), (200, 0, 1)]:
            connections.closed += closed
            connections.refused += refused
            server._look(now)
    assert [(line["closed"], line["refused"]) for line in said] == [(2, 0), (1, 3), (0, 1)]
