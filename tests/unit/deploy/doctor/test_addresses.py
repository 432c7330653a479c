"""The addresses that clients are given."""

import pytest

from deploy.doctor import addresses
from deploy.doctor.finding import Finding, Verdict
from deploy.doctor.part import Part
from shared.settings import load_settings

PUBLIC, PUBLIC_IPV6, PRIVATE = "8.8.4.4", "2001:4860:4860::8844", "10.0.0.7"


def found(about: str, **settings: object) -> Finding:
    [finding] = [one for one in addresses.look(load_settings(**settings), Part.WORKER) if one.about == about]
    return finding


def test_a_public_address_is_well() -> None:
    finding = found("media address", media_public_ips=f"{PRIVATE},{PUBLIC}")
    assert finding.verdict is Verdict.OK
    assert finding.found == f"clients are given {PRIVATE}, {PUBLIC}"


def test_private_addresses_alone_are_told() -> None:
    finding = found("media address", media_public_ips=PRIVATE)
    assert finding.verdict is Verdict.WARN
    assert "MEDIA_PUBLIC_IPS" in finding.mend


def test_a_worker_without_any_address_is_told() -> None:
    assert addresses.media([]).verdict is Verdict.WARN


@pytest.mark.parametrize(
    ("named", "own", "words"),
    [
        ([PUBLIC, PUBLIC_IPV6], [PUBLIC, PUBLIC_IPV6], "an IPv6 address, too"),
        ([PUBLIC], [PUBLIC, PUBLIC_IPV6], "IPv4 alone"),
        ([PUBLIC], [PUBLIC, "fe80::1", "::1"], "no public IPv6 address"),
    ],
)
def test_ipv6_is_there_or_not(named: list[str], own: list[str], words: str) -> None:
    finding = addresses.ipv6(named, own)
    assert finding.verdict is Verdict.OK
    assert words in finding.found


def test_worker_http_on_a_public_address_is_told() -> None:
    finding = found("worker HTTP", worker_http_addr=f"{PUBLIC}:9100")
    assert finding.verdict is Verdict.WARN
    assert PUBLIC in finding.found
