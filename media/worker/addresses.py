"""The addresses at which clients and other processes reach a worker."""

import ipaddress
from collections.abc import Iterable

import ifaddr

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def own_addresses() -> list[str]:
    """Every address of this host's interfaces."""
    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            found.append(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
    return found


def advertised(bound_host: str, public: Iterable[str], own: Iterable[str]) -> list[str]:
    """The addresses for ICE candidates, most reachable first.

    `public` (MEDIA_PUBLIC_IPS) is used as given. Without it, the address that the socket is bound to is used.
    If that is a wildcard, all addresses in `own` of its family are used: routable ones first, loopback last.
    Link-local addresses are left out: they are of no use without a zone.
    """
    if chosen := list(public):
        return chosen
    bound = ipaddress.ip_address(bound_host)
    if not bound.is_unspecified:
        return [str(bound)]
    candidates = {
        address
        for address in map(ipaddress.ip_address, own)
        if address.version == bound.version and not address.is_link_local
    }
    return [str(address) for address in sorted(candidates, key=_preference)]


def reached_at(bound_host: str, own: Iterable[str]) -> str:
    """The host at which the cluster reaches a server that is bound to `bound_host`: never a wildcard."""
    if bound_host in ("", "0.0.0.0", "::"):  # noqa: S104
        return advertised(bound_host or "0.0.0.0", (), own)[0]  # noqa: S104
    return bound_host


def _preference(address: Ip) -> tuple[bool, bool, int]:
    return (address.is_loopback, not address.is_global, int(address))
