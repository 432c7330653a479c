"""Which ports an address opens: both families under one number, TCP beside UDP."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from media.transport.address import Address
from media.transport.udp import UdpPort
from media.worker import media_ports
from media.worker.addresses import own_addresses
from media.worker.media_ports import open_tcp, open_udp
from shared.settings.host_port import HostPort
from shared.settings.settings import SettingsError, load_settings
from tests.support.free_ports import free_media_port
from tests.support.loopback import LOOPBACKS

BOTH = ["0.0.0.0", "::"][: len(LOOPBACKS)]


@contextmanager
def opened(host: str, number: int = 0) -> Iterator[tuple[UdpPort, ...]]:
    ports = open_udp(HostPort(host, number))
    try:
        yield ports
    finally:
        for port in ports:
            port.close()


@pytest.mark.parametrize("host", ["", "::"])
def test_every_address_means_both_families_under_one_number(host: str) -> None:
    with opened(host) as ports:
        assert [port.address[0] for port in ports] == BOTH
        assert len({port.address[1] for port in ports}) == 1
        number = ports[0].address[1]
    with opened(host, number) as ports:
        assert [port.address[:2] for port in ports] == [(address, number) for address in BOTH]


@pytest.mark.parametrize("host", ["0.0.0.0", *LOOPBACKS])
def test_a_named_address_is_that_only(host: str) -> None:
    with opened(host) as ports:
        assert [port.address[0] for port in ports] == [host]


def test_a_number_that_is_taken_in_one_family_is_taken() -> None:
    with socket.socket(socket.AF_INET6 if len(LOOPBACKS) > 1 else socket.AF_INET, socket.SOCK_DGRAM) as other:
        if len(LOOPBACKS) > 1:
            other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind((BOTH[-1], 0))
        number = other.getsockname()[1]
        with pytest.raises(OSError, match="in use") as refused, opened("", number):
            pass
    assert refused.value.errno == errno.EADDRINUSE
    with opened("0.0.0.0", number):  # nothing was left open
        pass


def test_another_number_is_tried_if_the_kernels_choice_is_taken_in_the_other_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[str] = []

    def busy(host: str, number: int, _native: None) -> UdpPort:
        tries.append(host)
        if host == "::" and len(tries) < 4:
            raise OSError(errno.EADDRINUSE, "in use")
        return UdpPort("127.0.0.1" if host == "::" else host, 0)

    monkeypatch.setattr(media_ports, "own_addresses", lambda: ["::1"])
    monkeypatch.setattr(media_ports, "UdpPort", busy)
    with opened("") as ports:
        assert len(ports) == 2
    assert tries == ["0.0.0.0", "::"] * 2


def _without(reason: int) -> object:
    def open_one(host: str, number: int, _native: None) -> UdpPort:
        if host == "::":
            raise OSError(reason, "no IPv6 here")
        return UdpPort(host, number)

    return open_one


@pytest.mark.parametrize("own", [["127.0.0.1"], ["127.0.0.1", "::1"]], ids=["no address", "a sandbox"])
def test_a_host_without_ipv6_starts_and_says_so_in_one_line(
    own: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_ports, "own_addresses", lambda: own)
    monkeypatch.setattr(media_ports, "UdpPort", _without(errno.EAFNOSUPPORT))
    with capture_logs() as logs, opened("::") as ports:
        assert [port.address[0] for port in ports] == ["0.0.0.0"]
    assert [line["event"] for line in logs] == ["this host has no IPv6: media over IPv4 only"]


def test_this_host_is_judged_by_its_addresses() -> None:
    assert any(":" in address for address in own_addresses()) == (len(LOOPBACKS) > 1)


def hosts_of_tcp(udp: list[Address], **settings: object) -> set[tuple[str, int]]:
    port = open_tcp(load_settings(**settings), udp)
    assert port is not None
    try:
        assert {address[1] for address in port.addresses} == {port.number}
        return {(address[0], address[1]) for address in port.addresses}
    finally:
        for listener in port._listeners.values():
            listener.close()


def test_tcp_is_beside_udp_in_each_family() -> None:
    number = free_media_port()
    udp: list[Address] = [(host, number) for host in LOOPBACKS]
    assert hosts_of_tcp(udp, media_addr=HostPort("127.0.0.1", number)) == {
        (host, number) for host in LOOPBACKS
    }


def test_tcp_is_at_another_number_and_at_another_host() -> None:
    udp: list[Address] = [("127.0.0.1", 7100)]
    number = free_media_port()
    assert hosts_of_tcp(udp, media_tcp_addr=HostPort("", number)) == {("127.0.0.1", number)}
    assert hosts_of_tcp(udp, media_tcp_addr=HostPort("127.0.0.2", number)) == {("127.0.0.2", number)}


def test_tcp_is_nowhere_where_it_is_turned_off() -> None:
    assert open_tcp(load_settings(media_tcp_addr=""), [("127.0.0.1", 7100)]) is None


def test_a_taken_tcp_port_is_told_unless_any_would_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        with pytest.raises(
            SettingsError, match=f"MEDIA_TCP_ADDR: 127.0.0.1:{number}: Address already in use"
        ):
            open_tcp(load_settings(media_addr=HostPort("127.0.0.1", number)), [("127.0.0.1", number)])
        ((_, other),) = hosts_of_tcp([("127.0.0.1", number)], media_addr=HostPort("127.0.0.1", 0))
        assert other != number
