"""The addresses at which clients and other processes reach a worker."""

import ipaddress
import socket
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

import psutil

from media.negotiation.candidates import Candidate
from media.transport.address import Address

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_WILDCARDS = {"": (4, 6), "0.0.0.0": (4,), "::": (6,)}  # noqa: S104  # the IP versions that each covers


def own_addresses() -> list[str]:
    """Every address of this host's interfaces."""
    return [
        address.address.partition("%")[0]  # a link-local one names its interface
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family in (socket.AF_INET, socket.AF_INET6)
    ]


def sources() -> list[str]:
    """The addresses from which this host sends to others, by its routes. Nothing is sent."""
    found = []
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            found.append(str(probe.getsockname()[0]))
    return found


def named(addresses: Iterable[str], bound: Sequence[Address]) -> tuple[Candidate, ...]:
    """These addresses, each with the number of the `bound` port of its family, or else of the first."""
    ports = {ipaddress.ip_address(host).version: port for host, port, *_ in bound}
    ips = map(ipaddress.ip_address, addresses)
    return tuple((str(ip), ports.get(ip.version, bound[0][1])) for ip in ips)


def reachable(bound: Sequence[Address], own: Iterable[str], first: Collection[str] = ()) -> list[str]:
    """The addresses at which ports that are `bound` there are reached, the most reachable first.

    A wildcard is all addresses in `own` of its family, without link-local ones: they are of no use without a
    zone. Loopback comes last. IPv4 comes before IPv6, which fewer clients have; routable addresses before
    others, and then those that are to come `first`.
    """
    own, found = list(own), set[Ip]()
    for host, *_ in bound:
        ip = ipaddress.ip_address(host)
        found.update(_covered((ip.version,), own) if ip.is_unspecified else [ip])

    def preference(ip: Ip) -> tuple[bool, int, bool, bool, int]:
        return ip.is_loopback, ip.version, not ip.is_global, str(ip) not in first, int(ip)

    return list(map(str, sorted(found, key=preference)))


def bound_host(host: str, listener: socket.socket) -> str:
    """The address or wildcard that `host` became in `listener`: `0` and `0::0` are wildcards, too."""
    return str(listener.getsockname()[0]) if host else ""  # which is both wildcards


def reached_at(host: str, bound: str, relay: Iterable[str], own: Iterable[str]) -> str:
    """The host at which the cluster reaches a server: public only if settings name it.

    It is `host`, as settings name it, unless that is `bound` to a wildcard. Then it is the first address in
    `relay` (MEDIA_RELAY_IPS) that the wildcard covers; otherwise the first private one in `own`, which is in
    the order of the interfaces, so that a bridge of containers comes late; otherwise loopback.
    """
    versions = _WILDCARDS.get(bound)
    if versions is None:
        return host
    for address in map(ipaddress.ip_address, relay):
        if address.version in versions:
            return str(address)
    private = [address for address in _covered(versions, own) if not address.is_global]
    if not private:
        return "127.0.0.1" if 4 in versions else "::1"
    return str(min(private, key=lambda address: (address.is_loopback, address.version)))


def public_among(bound: str, own: Iterable[str]) -> list[str]:
    """Where the Internet may reach a server that is bound to an address or a wildcard."""
    versions = _WILDCARDS.get(bound)
    covered = [ipaddress.ip_address(bound)] if versions is None else _covered(versions, own)
    return [str(address) for address in covered if address.is_global]


def _covered(versions: Collection[int], own: Iterable[str]) -> list[Ip]:
    addresses = map(ipaddress.ip_address, own)
    return [address for address in addresses if address.version in versions and not address.is_link_local]
