"""Where a worker listens for media over TCP: beside UDP, elsewhere, or nowhere."""

import socket

import pytest

from media.transport.address import Address
from media.worker.tcp_port import open_tcp
from shared.settings.host_port import HostPort
from shared.settings.setting_values import SettingsError
from shared.settings.settings import load_settings
from tests.support.free_ports import free_media_port
from tests.support.loopback import LOOPBACKS


def opened(udp: list[Address], **settings: object) -> set[tuple[str, int]]:
    port = open_tcp(load_settings(**settings), udp)
    assert port is not None
    try:
        assert {address[1] for address in port.addresses} == {port.number}
        return {(address[0], address[1]) for address in port.addresses}
    finally:
        for listener in port._listeners.values():
            listener.close()


def test_beside_udp_in_each_family() -> None:
    number = free_media_port()
    udp: list[Address] = [(host, number) for host in LOOPBACKS]
    assert opened(udp, media_addr=HostPort("127.0.0.1", number)) == {(host, number) for host in LOOPBACKS}


def test_at_another_number_and_at_another_host() -> None:
    udp: list[Address] = [("127.0.0.1", 7100)]
    number = free_media_port()
    assert opened(udp, media_tcp_addr=HostPort("", number)) == {("127.0.0.1", number)}
    assert opened(udp, media_tcp_addr=HostPort("127.0.0.2", number)) == {("127.0.0.2", number)}


def test_nowhere() -> None:
    assert open_tcp(load_settings(media_tcp_addr=""), [("127.0.0.1", 7100)]) is None


def test_a_taken_port_is_told_unless_any_would_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        with pytest.raises(
            SettingsError, match=f"MEDIA_TCP_ADDR: 127.0.0.1:{number}: Address already in use"
        ):
            open_tcp(load_settings(media_addr=HostPort("127.0.0.1", number)), [("127.0.0.1", number)])
        ((_, other),) = opened([("127.0.0.1", number)], media_addr=HostPort("127.0.0.1", 0))
        assert other != number
