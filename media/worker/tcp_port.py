"""Opens the TCP port of a worker, as `MEDIA_TCP_ADDR` names it."""

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING

from media.transport.address import Address
from media.transport.tcp import TcpPort
from shared.settings.setting_values import SettingsError

if TYPE_CHECKING:
    from shared.settings.settings import Settings


def open_tcp(settings: "Settings", udp: Sequence[Address]) -> TcpPort | None:
    """The port, or None if there is none. Raises `SettingsError`.

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
