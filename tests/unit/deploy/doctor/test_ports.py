"""Ports: free, or whose they are."""

import os
import socket
import threading

import pytest

from deploy.doctor import ports
from deploy.doctor.finding import Verdict
from deploy.doctor.part import Part
from deploy.doctor.socket_owner import Owner, owner_of
from shared.http import alive
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, load_settings
from tests.support.free_ports import free_media_port, free_port
from tests.support.system import LOOPBACK

PUBLIC = "8.8.4.4"


def free_settings(**more: object) -> Settings:
    """Settings of which every port is free."""
    return load_settings(
        **{
            "http_addr": HostPort(LOOPBACK, free_port()),
            "media_addr": HostPort(LOOPBACK, free_media_port()),
            "worker_http_addr": HostPort(LOOPBACK, free_port()),
        }
        | more
    )


def taken(kind: socket.SocketKind, host: str = LOOPBACK) -> socket.socket:
    holder = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    holder.bind((host, 0))
    if kind is socket.SOCK_STREAM:
        holder.listen()
    return holder


def test_free_ports_are_named() -> None:
    settings = free_settings()
    [finding] = ports.look(settings, Part.UP)
    assert finding.verdict is Verdict.OK
    for address in (settings.http_addr, settings.media_addr, settings.worker_http_addr):
        assert str(address) in finding.found


def test_each_worker_of_up_has_ports_of_its_own() -> None:
    settings = load_settings(workers=2, metrics_addr=HostPort(LOOPBACK, 8081))
    assert [str(wanted) for wanted in ports.wanted_by(settings, Part.UP)] == [
        "TCP :8080",
        "TCP 127.0.0.1:8081",
        "UDP :7100",
        "TCP :7100",
        "TCP 127.0.0.1:9100",
        "UDP :7101",
        "TCP :7101",
        "TCP 127.0.0.1:9101",
    ]
    assert len(list(ports.wanted_by(settings, Part.WORKER))) == 3
    assert len(list(ports.wanted_by(load_settings(media_tcp_addr=""), Part.WORKER))) == 2


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("http_addr", socket.SOCK_STREAM),
        ("media_addr", socket.SOCK_DGRAM),
        ("media_tcp_addr", socket.SOCK_STREAM),
        ("worker_http_addr", socket.SOCK_STREAM),
    ],
)
def test_a_port_of_another_program_is_a_failure_that_names_both(
    setting: str, kind: socket.SocketKind
) -> None:
    with taken(kind) as holder:
        address = HostPort(*holder.getsockname())
        finding = ports.look(free_settings(**{setting: address}), Part.UP)[0]
    assert finding.verdict is Verdict.FAIL
    assert f"{address} ({setting.upper()})" in finding.found
    assert f"(process {os.getpid()})" in finding.found
    assert setting.upper() in finding.mend


def test_a_port_whose_owner_this_user_may_not_know_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "owner_of", lambda *_: None)
    with taken(socket.SOCK_DGRAM) as holder:
        address = HostPort(*holder.getsockname())
        _, finding = ports.look(free_settings(media_addr=address, media_tcp_addr=""), Part.WORKER)
    assert finding.verdict is Verdict.WARN
    assert finding.found == f"UDP {address} (MEDIA_ADDR) is in use, and only root sees by whom"
    assert finding.mend == f"as root, `ss -ulnp sport = :{address.port}` tells it"


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        ("HTTP/1.1 200 OK\r\nX-Request-Id: x-roomcast", Verdict.WARN),
        (f"HTTP/1.1 200 OK\r\n{alive.HEADER.lower()}: alive", Verdict.OK),
    ],
)
def test_a_port_whose_owner_is_not_known_is_roomcast_s_if_its_healthz_says_so(
    head: str, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "owner_of", lambda *_: None)
    with taken(socket.SOCK_STREAM) as holder:

        def answer() -> None:
            with holder.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(f"{head}\r\n\r\nok".encode())

        thread = threading.Thread(target=answer)
        thread.start()
        [finding] = ports.look(load_settings(http_addr=HostPort(*holder.getsockname())), Part.CONTROL)
        thread.join()
    assert finding.verdict is verdict


def test_an_address_of_another_host_is_a_failure() -> None:
    finding = ports.look(free_settings(http_addr=HostPort("192.0.2.77", 8080)), Part.CONTROL)[0]
    assert finding.verdict is Verdict.FAIL
    assert "this host has no such address" in finding.found


def test_one_port_in_two_settings_is_a_failure() -> None:
    address = HostPort(LOOPBACK, free_port())
    findings = ports.look(free_settings(http_addr=address, metrics_addr=address), Part.CONTROL)
    assert findings[0].verdict is Verdict.FAIL
    assert findings[0].found == f"TCP {address} (METRICS_ADDR) is in another setting, too"


def test_ports_that_end_before_the_workers_are_a_failure() -> None:
    last = HostPort(LOOPBACK, 65535)
    findings = ports.look(free_settings(worker_http_addr=last, workers=2), Part.UP)
    assert "WORKER_HTTP_ADDR: no port is left for each worker" in [finding.found for finding in findings]


def test_worker_http_on_a_public_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "own_addresses", lambda: [PUBLIC, "10.0.0.7", LOOPBACK])
    told = [
        finding
        for host in ("", "0", PUBLIC, "10.0.0.7", "localhost", "nowhere.invalid")
        for finding in ports.exposed(load_settings(worker_http_addr=HostPort(host, 9100)), Part.WORKER)
    ]
    assert [finding.verdict for finding in told] == [Verdict.WARN] * 3
    assert all(finding.found.endswith(f"at {PUBLIC}") for finding in told)


@pytest.mark.parametrize("host", [LOOPBACK, "::1"])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_the_owner_of_a_port_is_found(kind: socket.SocketKind, host: str) -> None:
    with taken(kind, host) as holder:
        owner = owner_of(holder.getsockname()[1], kind)
    assert owner
    assert owner.pid == os.getpid()
    assert not owner.is_roomcast


def test_a_free_port_has_no_owner() -> None:
    assert owner_of(free_port(), socket.SOCK_STREAM) is None


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (
            ("/opt/roomcast/bin/python3", "/opt/roomcast/bin/roomcast", "worker"),
            "roomcast worker (process 7)",
        ),
        (("python", "-m", "deploy.cli", "control"), "roomcast control (process 7)"),
        (("/usr/sbin/nginx", "--password=hush"), "nginx (process 7)"),
        ((), "a program (process 7)"),
    ],
)
def test_an_owner_is_named_without_its_arguments(words: tuple[str, ...], name: str) -> None:
    assert Owner(7, words).name == name
