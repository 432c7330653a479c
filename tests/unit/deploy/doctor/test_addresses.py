"""The addresses that clients are given, and what STUN servers see of this host."""

from collections.abc import AsyncIterator

import pytest

from deploy.doctor import addresses
from deploy.doctor.finding import Finding, Verdict
from deploy.doctor.part import Part
from media.transport.address import Address
from shared.settings.host_port import HostPort
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


def hide(servers: list[StunServer], monkeypatch: pytest.MonkeyPatch) -> None:
    """They do not answer any more."""
    monkeypatch.setattr(addresses, "STUN_SECONDS", 0.1)
    for server in servers:
        server.sees = lambda _: None


async def found(*servers: StunServer, **settings: str) -> dict[str, Finding]:
    asked = load_settings(
        media_addr=f"{LOOPBACK}:0", media_stun_servers=",".join(str(one.at) for one in servers), **settings
    )
    return {finding.about: finding for finding in await addresses.look(asked, Part.WORKER)}


SEEN = f"but the Internet sees this host at {PUBLIC}"
GIVEN = {
    "seen by the Internet": (True, f"{PRIVATE},{PUBLIC}", Verdict.OK, f"clients are given {PRIVATE}:", ""),
    "another host's": (True, OTHER, Verdict.WARN, SEEN, "another MEDIA_PUBLIC_IPS"),
    "behind a NAT": (True, "", Verdict.WARN, SEEN, "MEDIA_PUBLIC_IPS=auto"),
    "found by itself": (True, "auto", Verdict.OK, f"clients are given {PUBLIC}:", ""),
    "believed, as nobody sees it": (False, OTHER, Verdict.OK, f"clients are given {OTHER}:", ""),
    "private": (False, PRIVATE, Verdict.WARN, "which the Internet does not reach", "or to auto"),
}


@pytest.mark.parametrize(("answers", "given", "verdict", "words", "mend"), GIVEN.values(), ids=GIVEN)
async def test_what_clients_are_given_is_compared_with_what_the_internet_sees(
    answers: bool,
    given: str,
    verdict: Verdict,
    words: str,
    mend: str,
    servers: list[StunServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not answers:
        hide(servers, monkeypatch)
    findings = await found(*servers, media_public_ips=given)
    assert NAT not in findings
    assert findings[ADDRESS].verdict is verdict
    assert words in findings[ADDRESS].found
    assert mend in findings[ADDRESS].mend


async def test_a_public_address_of_this_host_itself_is_well_and_nobody_is_asked(
    servers: list[StunServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "own_addresses", lambda: [OTHER])
    finding = (await found(*servers, media_public_ips=OTHER))[ADDRESS]
    assert finding.verdict is Verdict.OK
    assert not servers[0].requests


@pytest.mark.parametrize(
    ("bound", "given", "source", "warns"),
    [
        ("0.0.0.0", OTHER, PUBLIC, True),
        ("0.0.0.0", f"{PUBLIC},{OTHER}", PUBLIC, False),  # one of them works
        ("0.0.0.0", OTHER, PUBLIC_IPV6, False),  # that is of IPv6
        ("0.0.0.0", "1.1.1.1", PUBLIC, False),  # no address of this host: a NAT is between
        (LOOPBACK, OTHER, PUBLIC, False),  # packets leave from where the port is bound
        ("[::]", PUBLIC_IPV6, "2001:4860:4860::8888", True),
    ],
)
async def test_packets_leave_from_an_address_that_clients_are_given(
    bound: str, given: str, source: str, warns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "own_addresses", lambda: [PUBLIC, OTHER, PUBLIC_IPV6])
    monkeypatch.setattr(addresses, "sources", lambda: [source])
    settings = load_settings(media_addr=f"{bound}:7100", media_public_ips=given, media_stun_servers=",")
    [finding] = [one for one in await addresses.look(settings, Part.WORKER) if one.about == ADDRESS]
    assert ("packets leave from" in finding.found) is warns
    if warns:
        assert finding.verdict is Verdict.WARN
        assert source in finding.found
        assert finding.mend.startswith(f"MEDIA_ADDR={HostPort(given, 7100)},")


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
    hide(servers, monkeypatch)
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
