"""A listening socket is on the address that a setting names, and connections leave files for other uses."""

import resource
import socket

import pytest
import uvicorn

from shared.host_port import HostPort
from shared.http_limits import HttpLimits
from shared.http_server import HttpServer, listen
from shared.setting_values import SettingsError
from tests.support.loopback import LOOPBACKS


def test_an_address_that_is_taken_is_named() -> None:
    with listen("HTTP_ADDR", HostPort("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"^HTTP_ADDR: cannot listen on 127.0.0.1:{port}: "):
            listen("HTTP_ADDR", HostPort("127.0.0.1", port))


def test_an_empty_host_is_every_address_of_both_kinds() -> None:
    with listen("HTTP_ADDR", HostPort("", 0)) as listener:
        port = listener.getsockname()[1]
        for host in LOOPBACKS:
            socket.create_connection((host, port), timeout=2).close()


@pytest.mark.parametrize(
    ("files", "connections"), [(1024, 896), (65_536, 12_000), (resource.RLIM_INFINITY, 12_000)]
)
def test_a_process_with_few_files_takes_fewer_connections(
    monkeypatch: pytest.MonkeyPatch, files: int, connections: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    server = HttpServer(uvicorn.Config("app", log_config=None), limits=HttpLimits(connections=12_000))
    assert server._connections.limits.connections == connections
