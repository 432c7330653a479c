"""The image's health check asks what the container runs, and nothing else; what `up` waits for, likewise."""

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.health import answers, is_healthy, lives_on
from shared.settings.settings import Settings
from tests.support.certificate import new_certificate


@contextlib.contextmanager
def answering(status: str, context: ssl.SSLContext | None = None, path: str = "/healthz") -> Iterator[int]:
    """A server that answers one request with this status: its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                plain, _ = server.accept()
                with context.wrap_socket(plain, server_side=True) if context else plain as connection:
                    assert connection.recv(1000).startswith(f"GET {path} HTTP/1.1\r\n".encode())
                    connection.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
    thread.join(5)


@pytest.mark.parametrize(("status", "healthy"), [("200 OK", True), ("503 Service Unavailable", False)])
@pytest.mark.parametrize(
    ("command", "name"), [("control", "HTTP_ADDR"), ("up", "HTTP_ADDR"), ("worker", "WORKER_HTTP_ADDR")]
)
def test_it_asks_what_the_container_runs(command: str, name: str, status: str, healthy: bool) -> None:
    for host in ("", "127.0.0.1", "0.0.0.0"):
        with answering(status) as port:
            assert is_healthy(["python", "roomcast", command], {name: f"{host}:{port}"}) is healthy
    assert not is_healthy(["roomcast", command], {name: f":{port}"})


def test_it_asks_over_tls_where_control_speaks_it(tmp_path: Path) -> None:
    cert_file, key_file = new_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    with answering("200 OK", context) as port:
        assert is_healthy(["roomcast", "control"], {"HTTP_ADDR": f":{port}", "TLS_CERT_FILE": str(cert_file)})


@pytest.mark.parametrize(("status", "ready"), [("200 OK", True), ("503 Service Unavailable", False)])
def test_ready_is_what_readyz_says(status: str, ready: bool) -> None:
    with answering(status, path="/readyz") as port:
        assert answers("/readyz", "", port, tls=False) is ready


def test_its_defaults_are_those_of_the_settings() -> None:
    source = Path(is_healthy.__code__.co_filename).read_text(encoding="utf-8")
    settings = Settings.model_construct()
    assert f'"HTTP_ADDR", "{settings.http_addr}"' in source
    assert f'"WORKER_HTTP_ADDR", ":{settings.worker_http_addr.port}"' in source


def test_it_loads_nothing_that_is_slow_to_load() -> None:
    """It runs every few seconds on each core."""
    code = "import deploy.health, sys; print(*{'pydantic', 'asyncio', 'http', 'shared'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "")


def test_systemd_waits_until_control_answers_and_notices_one_that_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for said, lives in (([False, True, True], True), ([True, False], False)):
        left = iter(said)
        monkeypatch.setattr("deploy.health.is_healthy", lambda *_, left=left: next(left))
        assert lives_on(0.01) is lives
