"""Which addresses clients are told, the most reachable first; and where the cluster reaches a worker."""

import ipaddress
import socket

import pytest

from media.transport.address import Address, udp_address
from media.worker.addresses import named, own_addresses, public_among, reachable, reached_at, sources

OWN = ["127.0.0.1", "10.0.0.5", "93.184.216.34", "169.254.7.7", "::1", "fe80::1", "fd00::5", "2606:2800::1"]


ANY4, ANY6 = udp_address("0.0.0.0", 7100), udp_address("::", 7100)


@pytest.mark.parametrize(
    ("bound", "own", "told"),
    [
        ([ANY4], OWN, ["93.184.216.34", "10.0.0.5", "127.0.0.1"]),
        ([ANY6], OWN, ["2606:2800::1", "fd00::5", "::1"]),
        (
            [ANY4, ANY6],
            OWN,
            ["93.184.216.34", "10.0.0.5", "2606:2800::1", "fd00::5", "127.0.0.1", "::1"],
        ),
        ([udp_address("10.0.0.5", 1)], OWN, ["10.0.0.5"]),
        ([udp_address("127.0.0.1", 1)], OWN, ["127.0.0.1"]),
        ([udp_address("::1", 1)], OWN, ["::1"]),
        ([ANY4], ["127.0.0.1"], ["127.0.0.1"]),
        ([ANY4], ["10.0.0.9", "10.0.0.5", "10.0.0.9"], ["10.0.0.5", "10.0.0.9"]),
    ],
)
def test_clients_are_told_the_reachable_addresses(
    bound: list[Address], own: list[str], told: list[str]
) -> None:
    assert reachable(bound, own) == told


def test_the_address_by_which_a_host_sends_comes_before_those_of_its_bridges() -> None:
    bridged = ["172.17.0.1", "192.168.1.5", "93.184.216.34"]
    assert reachable([ANY4], bridged, ["192.168.1.5"]) == ["93.184.216.34", "192.168.1.5", "172.17.0.1"]


def test_what_is_named_is_told_as_it_is_with_the_port_of_its_family() -> None:
    ports = [udp_address("10.0.0.5", 7100), udp_address("::1", 7200)]
    names = ["2001:db8::7", "198.51.100.7", "10.0.0.5"]
    assert named(names, ports) == (("2001:db8::7", 7200), ("198.51.100.7", 7100), ("10.0.0.5", 7100))
    # a proxy before it may speak IPv6, as that of a container does
    assert named(["2001:db8::7"], ports[:1]) == (("2001:db8::7", 7100),)
    assert named([], ports) == ()


def test_a_host_sends_from_addresses_of_its_own() -> None:
    assert set(sources()) <= set(own_addresses())


LAPTOP = ["127.0.0.1", "::1", "192.168.1.5", "2606:2800::5", "fe80::1", "172.17.0.1"]
CONTAINER = ["127.0.0.1", "172.30.7.11"]
IPV6_POD = ["127.0.0.1", "::1", "2606:2800::9"]
RENTED = ["127.0.0.1", "::1", "93.184.216.34", "2606:2800::1"]


@pytest.mark.parametrize(
    ("bound", "relay", "own", "host"),
    [
        ("127.0.0.1", [], OWN, "127.0.0.1"),
        ("", [], LAPTOP, "192.168.1.5"),
        ("", ["172.30.7.11"], CONTAINER, "172.30.7.11"),
        ("", [], CONTAINER, "172.30.7.11"),
        ("", ["2606:2800::9"], IPV6_POD, "2606:2800::9"),
        ("", [], IPV6_POD, "127.0.0.1"),
        ("", [], OWN, "10.0.0.5"),
        ("0.0.0.0", [], OWN, "10.0.0.5"),
        ("::", [], OWN, "fd00::5"),
        ("", ["10.8.0.1"], OWN, "10.8.0.1"),
        ("0.0.0.0", ["fd00::7", "10.8.0.1"], OWN, "10.8.0.1"),
        ("::", ["10.8.0.1"], OWN, "fd00::5"),
        ("", [], RENTED, "127.0.0.1"),
        ("::", [], RENTED, "::1"),
        ("0.0.0.0", [], [], "127.0.0.1"),
        ("", [], ["127.0.0.1", "100.64.0.3"], "100.64.0.3"),
        ("93.184.216.34", [], OWN, "93.184.216.34"),
    ],
)
def test_others_reach_a_server_at_an_address_that_is_private_or_was_named(
    bound: str, relay: list[str], own: list[str], host: str
) -> None:
    assert reached_at(bound, bound, relay, own) == host


@pytest.mark.parametrize(
    ("bound", "own", "public"),
    [
        ("127.0.0.1", RENTED, []),
        ("10.0.0.5", OWN, []),
        ("", CONTAINER, []),
        ("", LAPTOP, ["2606:2800::5"]),
        ("0.0.0.0", LAPTOP, []),
        ("", RENTED, ["93.184.216.34", "2606:2800::1"]),
        ("0.0.0.0", RENTED, ["93.184.216.34"]),
        ("::", RENTED, ["2606:2800::1"]),
        ("93.184.216.34", [], ["93.184.216.34"]),
    ],
)
def test_public_addresses_are_found(bound: str, own: list[str], public: list[str]) -> None:
    assert public_among(bound, own) == public


def test_this_hosts_own_addresses_can_be_bound() -> None:
    own = own_addresses()
    assert "127.0.0.1" in own
    for address in own:
        if ipaddress.ip_address(address).is_link_local:
            continue
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
