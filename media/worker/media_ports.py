"""Opens the ports of a worker, as `MEDIA_ADDR` names them.

A socket for each family, rather than one for both: there an IPv4 peer would cost more, for each packet.
"""

import errno

from media.native.choice import NativeSending
from media.transport.udp import UdpPort
from media.worker.addresses import own_addresses
from shared.settings.host_port import HostPort
from shared.telemetry.logging import get_logger

# A port number that the kernel has chosen for one family may be taken in the other.
MOST_TRIES = 20

log = get_logger()


def open_udp(address: HostPort, native: NativeSending | None = None) -> tuple[UdpPort, ...]:
    """The UDP ports of `address`, IPv4 first.

    Without a host, or with `::`, they are one for each address family, under one number; a host without IPv6
    has one. `native`: see `UdpPort`. Raises `OSError`.
    """
    host, number = address
    if host not in ("", "::"):
        return (UdpPort(host, number, native),)
    for _ in range(MOST_TRIES):
        ipv4 = UdpPort("0.0.0.0", number, native)  # noqa: S104  # media comes from anywhere
        try:
            return (ipv4, *_ipv6(ipv4.address[1], native))
        except OSError as error:
            ipv4.close()
            if number or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no number is free in both address families")


def _ipv6(number: int, native: NativeSending | None) -> tuple[UdpPort, ...]:
    """The IPv6 port, or none: where IPv6 is switched off, not even loopback has an address."""
    if any(":" in own for own in own_addresses()):
        try:
            return (UdpPort("::", number, native),)
        except OSError as error:
            if error.errno != errno.EAFNOSUPPORT:  # a sandbox without IPv6
                raise
    log.info("this host has no IPv6: media over IPv4 only")
    return ()
