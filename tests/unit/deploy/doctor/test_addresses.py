"""The addresses that clients are given, and what STUN servers see of this host."""

from collections.abc import AsyncIterator

import pytest

from deploy.doctor import addresses
from deploy.doctor.finding import Finding, Verdict
from deploy.doctor.part import Part
from media.transport.address import Address
from shared.settings.settings import load_settings
from tests.support.stun_server import StunServer, stun_server
from tests.support.system import LOOPBACK

PUBLIC, PUBLIC_IPV6, PRIVATE = "8.8.4.4", "2001:4860:4860::8844", "10.0.0.7"
OTHER = "9.9.9.9"
ADDRESS, NAT = "media address", "NAT"


@pytest.fixture
async def servers() -> AsyncIterator[list[StunServer]]:
    """Two that see this host at a public address."""
    async with stun_server() as one, stun_server() as other:
        for server in (one, other):
            server.sees = lambda source: (PUBLIC, source[1])
        yield [one, other]


async def found(*servers: StunServer, **settings: str) -> dict[str, Finding]:
    asked = load_settings(
        media_addr=f"{LOOPBACK}:0", media_stun_servers=",".join(str(one.at) for one in servers), **settings
    )
    return {finding.about: finding for finding in await addresses.look(asked, Part.WORKER)}


async def test_a_public_address_that_the_internet_sees_is_well(servers: list[StunServer]) -> None:
    finding = (await found(*servers, media_public_ips=f"{PRIVATE},{PUBLIC}"))[ADDRESS]
    assert finding.verdict is Verdict.OK
    assert finding.found.startswith(f"clients are given {PRIVATE}:")


async def test_a_public_address_of_this_host_itself_is_well_and_nobody_is_asked(
    servers: list[StunServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "own_addresses", lambda: [OTHER])
    finding = (await found(*servers, media_public_ips=OTHER))[ADDRESS]
    assert finding.verdict is Verdict.OK
    assert not servers[0].requests


async def test_a_public_address_that_is_another_hosts_is_told(servers: list[StunServer]) -> None:
    finding = (await found(*servers, media_public_ips=OTHER))[ADDRESS]
    assert finding.verdict is Verdict.WARN
    assert finding.found.endswith(f"but the Internet sees this host at {PUBLIC}")
    assert "another MEDIA_PUBLIC_IPS" in finding.mend


async def test_a_public_address_is_believed_where_no_stun_server_answers(
    servers: list[StunServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "STUN_SECONDS", 0.1)
    for server in servers:
        server.sees = lambda _: None
    assert (await found(*servers, media_public_ips=OTHER))[ADDRESS].verdict is Verdict.OK


async def test_behind_a_nat_the_public_address_is_told_with_the_setting(servers: list[StunServer]) -> None:
    finding = (await found(*servers))[ADDRESS]
    assert finding.verdict is Verdict.WARN
    assert finding.found.endswith(f"but the Internet sees this host at {PUBLIC}")
    assert finding.mend == "MEDIA_PUBLIC_IPS=auto"


async def test_where_nobody_sees_it_private_addresses_are_told(
    servers: list[StunServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "STUN_SECONDS", 0.1)
    for server in servers:
        server.sees = lambda _: None
    finding = (await found(*servers, media_public_ips=PRIVATE))[ADDRESS]
    assert finding.verdict is Verdict.WARN
    assert "which the Internet does not reach" in finding.found


async def test_auto_finds_the_public_address(servers: list[StunServer]) -> None:
    findings = await found(*servers, media_public_ips="auto")
    assert NAT not in findings
    assert findings[ADDRESS].verdict is Verdict.OK
    assert f"clients are given {PUBLIC}:" in findings[ADDRESS].found


async def test_a_symmetric_nat_is_a_failure_that_no_setting_mends(servers: list[StunServer]) -> None:
    def another_port(source: Address) -> Address:
        return (PUBLIC, source[1] - 1)

    servers[1].sees = another_port
    finding = (await found(*servers, media_public_ips="auto"))[NAT]
    assert finding.verdict is Verdict.FAIL
    assert finding.mend == addresses.BY_HAND
    assert (await found(*servers))[ADDRESS].mend == addresses.BY_HAND


async def test_auto_without_an_answer_is_a_failure(
    servers: list[StunServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "STUN_SECONDS", 0.1)
    for server in servers:
        server.sees = lambda _: None
    finding = (await found(*servers, media_public_ips="auto"))[NAT]
    assert finding.verdict is Verdict.FAIL
    assert "no STUN server answers" in finding.found


async def test_an_address_that_cannot_be_had_is_left_to_the_ports() -> None:
    settings = load_settings(media_addr="192.0.2.77:7100")
    assert await addresses.look(settings, Part.WORKER) == []


@pytest.mark.parametrize(
    ("told", "own", "words"),
    [
        ([PUBLIC, PUBLIC_IPV6], [PUBLIC, PUBLIC_IPV6], "an IPv6 address, too"),
        ([PUBLIC], [PUBLIC, PUBLIC_IPV6], "IPv4 alone"),
        ([PUBLIC, "fd00::1"], [PUBLIC, "fe80::1", "::1"], "no public IPv6 address"),
    ],
)
def test_ipv6_is_there_or_not(told: list[str], own: list[str], words: str) -> None:
    finding = addresses.ipv6([(ip, 7100) for ip in told], own)
    assert finding.verdict is Verdict.OK
    assert words in finding.found
