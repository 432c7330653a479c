"""Which addresses clients are told, the most reachable first."""

import ipaddress
import socket

import pytest

from media.worker.addresses import advertised, own_addresses, reached_at

OWN = ["127.0.0.1", "10.0.0.5", "93.184.216.34", "169.254.7.7", "::1", "fe80::1", "fd00::5", "2606:2800::1"]


@pytest.mark.parametrize(
    ("bound", "public", "own", "told"),
    [
        ("0.0.0.0", [], OWN, ["93.184.216.34", "10.0.0.5", "127.0.0.1"]),
        ("::", [], OWN, ["2606:2800::1", "fd00::5", "::1"]),
        ("0.0.0.0", ["198.51.100.7", "10.0.0.5"], OWN, ["198.51.100.7", "10.0.0.5"]),
        ("10.0.0.5", ["198.51.100.7"], OWN, ["198.51.100.7"]),
        ("10.0.0.5", [], OWN, ["10.0.0.5"]),
        ("127.0.0.1", [], OWN, ["127.0.0.1"]),
        ("::1", [], OWN, ["::1"]),
        ("0.0.0.0", [], ["127.0.0.1"], ["127.0.0.1"]),
        ("0.0.0.0", [], ["10.0.0.9", "10.0.0.5", "10.0.0.9"], ["10.0.0.5", "10.0.0.9"]),
    ],
)
def test_clients_are_told_the_reachable_addresses(
    bound: str, public: list[str], own: list[str], told: list[str]
) -> None:
    assert advertised(bound, public, own) == told


@pytest.mark.parametrize(
    ("bound", "host"),
    [
        ("", "93.184.216.34"),
        ("0.0.0.0", "93.184.216.34"),
        ("::", "2606:2800::1"),
        ("10.0.0.5", "10.0.0.5"),
        ("worker1", "worker1"),
    ],
)
def test_where_others_reach_a_server(bound: str, host: str) -> None:
    assert reached_at(bound, OWN) == host


def test_this_hosts_own_addresses_can_be_bound() -> None:
    own = own_addresses()
    assert "127.0.0.1" in own
    for address in own:
        if ipaddress.ip_address(address).is_link_local:
            continue
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
