"""The addresses at which clients and other processes reach a worker."""

import ipaddress
import socket
from collections.abc import Collection, Iterable

import ifaddr

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_WILDCARDS = {"": (4, 6), "0.0.0.0": (4,), "::": (6,)}  # noqa: S104  # the IP versions that each covers


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


def _preference(address: Ip) -> tuple[bool, bool, int]:
    return (address.is_loopback, not address.is_global, int(address))
