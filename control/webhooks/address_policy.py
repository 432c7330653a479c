"""Which addresses webhooks may be sent to: public ones, and those of networks that the operator allows.

A receiver's name may resolve to an address within the cluster, by mistake or by malice (server-side request
forgery). So every address is checked, and the connection goes to one that was checked.
"""

import ipaddress
from collections.abc import Sequence

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_V4_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291 2.5.5.1


class ForbiddenAddressError(Exception):
    """Webhooks must not be sent there."""


class AddressPolicy:
    """`allowed` are networks beside the public addresses."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = [ipaddress.ip_network(network, strict=False) for network in allowed]

    def check(self, addresses: Sequence[str], *, with_tls: bool) -> None:
        """Raises `ForbiddenAddressError` if one of a host's addresses may not be used."""
        if not addresses:
            raise ForbiddenAddressError("its name has no address")
        for text in addresses:
            address = _reached(ipaddress.ip_address(text.partition("%")[0]))
            if any(address in network for network in self._allowed):
                continue
            if not address.is_global or address.is_multicast:
                raise ForbiddenAddressError(
                    f"{address} is not public: WEBHOOK_ALLOWED_NETWORKS must name its network"
                )
            if not with_tls:
                raise ForbiddenAddressError(
                    f"{address} is public: its URL must be https, or WEBHOOK_ALLOWED_NETWORKS must name it"
                )


def _reached(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address stands for, if it stands for one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (address in _V4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
