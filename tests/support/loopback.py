"""The loopback addresses that this machine has: in many containers IPv6 is switched off."""

import socket


def _is_there(family: socket.AddressFamily, address: str) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


LOOPBACKS = tuple(
    address
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
    if _is_there(family, address)
)
