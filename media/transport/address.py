"""The address of a peer, as a worker's ports give it, what takes its datagrams, and what sends some there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from media.rtp.joined import Joined
from media.rtp.run import Form, Run

MAX_DATAGRAM = 2048  # bytes; a longer one is nothing that we accept
MAX_RUN_BYTES = 65_000  # a GSO send is one UDP datagram to the kernel


class TcpAddress(NamedTuple):
    """One connection that a peer has opened to us. Another one from the same port is another address."""

    host: str
    port: int
    number: int  # of the connections of this worker


# The shape tells the port that it belongs to: UDP over IPv4, or over IPv6 (with flow and zone), or TCP.
Address = tuple[str, int] | tuple[str, int, int, int] | TcpAddress

# Takes a batch; returns whether it contained media, which has been relayed by then.
Receive = Callable[[Sequence[tuple[bytes | Joined, Address]]], bool]

# (datagrams, one right behind the other; size of each but the last; destination). Must copy, and not block.
Transmit = Callable[[bytes | memoryview, int, Address], None]

# What encrypts for it, where it is, and its numbers as `numbers` makes them.
Target = tuple[object, Address, bytes]
INDEX = 6  # bytes of them


def numbers(first: int, shift: int) -> bytes:
    """A viewer's index of a run's first packet (48 bits), and what is added to the room's timestamps."""
    return (first << 32 | shift & 0xFFFFFFFF).to_bytes(10)


@dataclass(frozen=True, slots=True, eq=False)  # so it is its own key, without a look at its parts
class FanOut:
    """Encrypts one run, in one form, for many addresses and sends it to them, in one call.

    `cipher` makes of a session key and its salt what encrypts for one of them; None: Python's do.
    """

    cipher: Callable[[bytes, bytes], object] | None
    send: Callable[[Run, Form, Sequence[Target]], None]


class Backlog(Protocol):
    """What waits to be sent to an address in a stream: see `tcp_backlog.TcpBacklog`."""

    sound_types: frozenset[int]
    octets_sent: int
    cuts: int

    @property
    def octets(self) -> int:
        """What waits, in bytes."""

    def waited(self, now: float) -> float:
        """For how long the oldest packet has waited, in seconds; 0 if none does."""

    def cut(self) -> None:
        """Drop all pictures that wait."""


def transport_of(address: Address | None) -> str:
    """`udp` or `tcp`; "" for no address."""
    if address is None:
        return ""
    return "tcp" if isinstance(address, TcpAddress) else "udp"


def udp_address(host: str, port: int) -> Address:
    """The address of an IP and a UDP port, equal to that from which a socket receives."""
    return (host, port, 0, 0) if ":" in host else (host, port)
