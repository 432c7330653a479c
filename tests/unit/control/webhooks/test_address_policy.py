"""Where webhooks may go."""

import pytest

from control.webhooks.address_policy import AddressPolicy, ForbiddenAddressError

PUBLIC = ["8.8.8.8", "2606:4700::1111"]
INTERNAL = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0", "255.255.255.255"),
    *("224.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1"),
    "169.254.169.254",  # cloud metadata
    "64:ff9b::a9fe:a9fe",  # NAT64 of that
    "2002:a00:1::1",  # 6to4 of 10.0.0.1
    "2001:0:1:2:3:4:5:6",  # Teredo
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    AddressPolicy([]).check([address], with_tls=True)


@pytest.mark.parametrize("address", INTERNAL)
def test_all_others_are_refused_also_beside_public_ones(address: str) -> None:
    for addresses in ([address], [address, *PUBLIC], [*PUBLIC, address]):
        with pytest.raises(ForbiddenAddressError):
            AddressPolicy([]).check(addresses, with_tls=True)


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(ForbiddenAddressError):
        AddressPolicy([]).check([], with_tls=True)


def test_networks_that_are_named_are_allowed_also_without_tls() -> None:
    policy = AddressPolicy(["10.1.0.0/16", "fd00::/8"])
    for with_tls in (True, False):
        policy.check(["10.1.2.3", "fd00::1", "::ffff:10.1.2.3"], with_tls=with_tls)
    with pytest.raises(ForbiddenAddressError):
        policy.check(["10.1.2.3", "10.2.0.1"], with_tls=True)  # one vouches for no other


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("10.1.2.3/16", "10.1.0.1"),  # as people write it
        ("::1/128", "::1"),
        ("203.0.113.7/32", "64:ff9b::203.0.113.7"),
        ("203.0.113.7/32", "2002:cb00:7107::1"),
        ("203.0.113.7/32", "::203.0.113.7"),
    ],
)
def test_a_named_network_is_meant_however_its_address_is_written(network: str, address: str) -> None:
    AddressPolicy([network]).check([address], with_tls=False)


def test_public_addresses_are_told_over_tls_only() -> None:
    with pytest.raises(ForbiddenAddressError, match="https"):
        AddressPolicy([]).check(["8.8.8.8"], with_tls=False)
