"""Opens the ports of a worker, as `MEDIA_ADDR` and `MEDIA_TCP_ADDR` name them.

A UDP socket for each family, rather than one for both: there an IPv4 peer would cost more, for each packet.
"""

import errno
from collections.abc import Sequence

from media.native.choice import NativeSending
from media.transport.address import Address
from media.transport.tcp import TcpPort
from media.transport.udp import UdpPort
from media.worker.addresses import own_addresses
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, SettingsError
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


def open_tcp(settings: Settings, udp: Sequence[Address]) -> TcpPort | None:
    """The TCP port, or None if there is none. Raises `SettingsError`.

    Without a host of its own it listens at the hosts of `udp`, where the UDP ports listen; without an address
    of its own, under their number, too.
    """
    address = settings.own_media_tcp_addr
    if address is None:
        return None
    is_same = settings.media_tcp_addr == "same"
    number = udp[0][1] if is_same else address.port
    hosts = [host for host, *_ in udp] if is_same or address.host in ("", "::") else [address.host]
    try:
        try:
            return TcpPort(*((host, number) for host in hosts))
        except OSError as error:
            if not is_same or address.port or error.errno != errno.EADDRINUSE:
                raise
            return TcpPort(*((host, 0) for host in hosts))  # any port will do
    except OSError as error:
        raise SettingsError(
            f"MEDIA_TCP_ADDR: {address}: {error.strerror}; unless it is set it is that of MEDIA_ADDR, and an"
            " empty value turns media over TCP off"
        ) from None
