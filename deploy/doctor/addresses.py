"""Where clients reach the media: the addresses that answers name, and what STUN servers see of them."""

import errno
import ipaddress
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map
from contextlib import contextmanager

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from media.negotiation.candidates import Candidate
from media.transport.mapping import Mapping
from media.transport.stun_client import mappings_of
from media.transport.udp import UdpPort
from media.worker.addresses import own_addresses, sources
from media.worker.media_ports import open_udp
from media.worker.public_address import Nat, PublicAddress
from shared.settings.host_port import HostPort
from shared.settings.setting_types import AUTO
from shared.settings.settings import Settings

ABOUT, NAT, IPV6 = About("media address"), About("NAT"), About("IPv6")
STUN_SECONDS = 2.0
_FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}
BY_HAND = "forward the UDP port to this host, and name the public address in MEDIA_PUBLIC_IPS"


async def look(settings: Settings, part: Part, *, is_starting: bool = False) -> list[Finding]:
    """`is_starting`: a worker may want its port at this moment, so another one is taken."""
    if not part.has_workers:
        return []
    tried = HostPort(settings.media_addr.host, 0) if is_starting else settings.media_addr
    look = _with_auto if AUTO in settings.media_public_ips else _by_name
    try:
        return await look(settings, tried)
    except OSError:  # the check of the ports says what is wrong with MEDIA_ADDR
        return []


async def _with_auto(settings: Settings, tried: HostPort) -> list[Finding]:
    """Asks STUN servers from the media port itself or, while Roomcast has that, from another one."""
    with opened(tried) as ports:
        public = PublicAddress(ports, settings.media_public_ips, settings.media_stun_servers)
        public.learn(await mappings_of(ports, settings.media_stun_servers, STUN_SECONDS))
    told = public.candidates.all
    return [*(nats(public.nats) or [media(told)]), ipv6(told, own_addresses())]


async def _by_name(settings: Settings, tried: HostPort) -> list[Finding]:
    """Asks STUN servers, unless clients are given a public address that this host itself has."""
    with opened(tried) as ports:
        own = PublicAddress(ports, settings.media_public_ips, ()).candidates.all
        bound = [str(port.address[0]) for port in ports]
    told = [(ip, settings.media_addr.port or port) for ip, port in own]
    if (elsewhere := leaving(told, bound)) is not None:
        return [elsewhere, ipv6(told, own_addresses())]
    mappings: Sequence[Mapping] = ()
    if not any(_is_public(one) and one[0] in own_addresses() for one in told):
        with opened(HostPort(settings.media_addr.host, 0)) as ports:  # a worker may want the other one now
            mappings = await mappings_of(ports, settings.media_stun_servers, STUN_SECONDS)
    return [media(told, mappings), ipv6(told, own_addresses())]


@contextmanager
def opened(address: HostPort) -> Iterator[tuple[UdpPort, ...]]:
    """The ports of a worker, or others while it runs; raises `OSError`."""
    try:
        ports = open_udp(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        ports = open_udp(HostPort(address.host, 0))
    try:
        yield ports
    finally:
        for port in ports:
            port.close()


def nats(found: Map[str, Nat]) -> list[Finding]:
    """What `auto` has found, by address family; empty without it."""
    if found and set(found.values()) == {Nat.UNKNOWN}:
        return [
            NAT.fail("no STUN server answers: `auto` finds no address", "let UDP out to MEDIA_STUN_SERVERS")
        ]
    return [
        NAT.fail(
            f"symmetric over {_FAMILIES[family]}: each destination sees another port, so nobody gets in",
            BY_HAND,
        )
        for family, nat in found.items()
        if nat is Nat.SYMMETRIC
    ]


def leaving(told: Sequence[Candidate], bound: Sequence[str]) -> Finding | None:
    """A warning if what leaves a wildcard comes from an address of this host that clients are not given."""
    anywhere = {ip.version for ip in map(ipaddress.ip_address, bound) if ip.is_unspecified}
    own = own_addresses()
    for source in sources():
        version = ipaddress.ip_address(source).version
        given = [one for one in told if one[0] in own and ipaddress.ip_address(one[0]).version == version]
        if version in anywhere and given and source not in [ip for ip, _ in given]:
            there = HostPort(*given[0])
            return ABOUT.warn(
                f"clients are given {there}, but packets leave from {source}: many a NAT drops those",
                f"MEDIA_ADDR={there}, from which they leave then",
            )
    return None


def media(told: Sequence[Candidate], mappings: Sequence[Mapping] = ()) -> Finding:
    """`told`: what clients are given. `mappings`: what STUN servers see, if they were asked."""
    names = ", ".join(str(HostPort(*candidate)) for candidate in told)
    given = f"clients are given {names or 'no address'}"
    seen = [mapping for mapping in mappings if mapping.is_known]
    public = {candidate[0] for candidate in told if _is_public(candidate)}
    other = {one.seen[0][0] for one in seen} - public
    if public and other and not public & {one.seen[0][0] for one in seen}:
        return ABOUT.warn(
            f"{given}; but the Internet sees this host at {', '.join(sorted(other))}",
            "another MEDIA_PUBLIC_IPS, unless what forwards the port to this host has that address",
        )
    if public:
        return ABOUT.ok(given)
    if not seen:
        return ABOUT.warn(
            f"{given}, which the Internet does not reach",
            "behind NAT, set MEDIA_PUBLIC_IPS to the public address, or to auto",
        )
    return ABOUT.warn(
        f"{given}; but the Internet sees this host at {', '.join(one.seen[0][0] for one in seen)}",
        BY_HAND if any(one.is_symmetric for one in seen) else "MEDIA_PUBLIC_IPS=auto",
    )


def ipv6(told: Sequence[Candidate], own: Sequence[str]) -> Finding:
    if any(":" in ip and _is_public((ip, port)) for ip, port in told):
        return IPV6.ok("clients are given an IPv6 address, too")
    if any(":" in ip and ipaddress.ip_address(ip).is_global for ip in own):
        return IPV6.ok("this host has it; clients are given IPv4 alone, which suffices")
    return IPV6.ok("this host has no public IPv6 address; IPv4 suffices")


def _is_public(candidate: Candidate) -> bool:
    return ipaddress.ip_address(candidate[0]).is_global
