"""One address opens both families under one number; a host without IPv6 starts, and says so."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from media.transport.udp import UdpPort
from media.worker import media_ports
from media.worker.addresses import own_addresses
from media.worker.media_ports import open_udp
from shared.settings.host_port import HostPort
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
