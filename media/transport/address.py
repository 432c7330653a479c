"""The address of a peer, as a worker's ports give it, and what sends datagrams there."""

from collections.abc import Callable

# The shape tells the port that it belongs to: UDP over IPv4, or over IPv6 (with flow and zone).
Address = tuple[str, int] | tuple[str, int, int, int]

# (datagrams, one right behind the other; size of each but the last; destination). Must copy, and not block.
Transmit = Callable[[bytes | memoryview, int, Address], None]


def udp_address(host: str, port: int) -> Address:
    """The address of an IP and a UDP port, equal to that from which a socket receives."""
    return (host, port, 0, 0) if ":" in host else (host, port)
