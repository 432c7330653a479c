"""In which family of addresses a server listens at a host that settings name."""

import socket


def family_of(host: str) -> socket.AddressFamily:
    """IPv4, unless the host has IPv6 addresses only. Raises `OSError` if nobody knows the host."""
    found = {each[0] for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    return socket.AF_INET if socket.AF_INET in found else socket.AF_INET6
