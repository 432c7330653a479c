"""Encrypts a burst for many viewers and sends it to them: fan_out.c, if it was built."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Packet = TypeVar("Packet")

INTERFACE: int  # which version of these it has

class Cipher:
    """AES-128-GCM under one SRTP session key. Raises `ValueError` unless it has 16 bytes and the salt 12."""

    def __init__(self, key: bytes, salt: bytes, /) -> None: ...

class Opener:
    """AES-128-GCM under one SRTP session key of a peer. Raises `ValueError` as `Cipher` does."""

    def __init__(self, key: bytes, salt: bytes, /) -> None: ...
    def open(
        self, datagrams: list[bytes], first: int, packet: Callable[..., Packet], /
    ) -> list[Packet] | None:
        """The packets of SRTP datagrams that are one stream's successive ones, from the index `first` on.

        They are what `packet` makes of the fields of an `RtpPacket`, in order. None if they are anything
        else, more than 64, if one is not authentic, or unusual: with CSRCs or padding. Raises `TypeError` for
        arguments of other types, and what `packet` raises.
        """

def receive(
    socket: int, most: int, longest: int, /
) -> list[tuple[bytes, tuple[str, int] | tuple[str, int, int, int]]]:
    """What has come to a UDP socket: each datagram with its source, which those of one run share.

    It stops behind the run with the `most`th datagram. Longer ones than `longest` are left out. An error of
    the socket ends it, too.
    """

def lay(
    packets: list[Any], payload_type: int, ssrc: int, block: bytes, most_run: int, /
) -> tuple[list[bytes], list[bytes], list[tuple[int, int]], int] | None:
    """Headers, payloads and runs (see `send`) of successive packets of one track, and the payloads' bytes.

    The packets are `Outgoing`. Each header has that payload type, `ssrc` (0: that of the packet), and `block`
    behind it, the extensions. No run is longer than `most_run` bytes. None for any other burst, and for
    packets with extensions. Raises `TypeError`, `AttributeError` or `OverflowError` for what are no packets.
    """

def send(
    socket: int,
    headers: Iterable[bytes],
    payloads: Iterable[bytes],
    runs: Iterable[tuple[int, int]],
    targets: Iterable[tuple[object, tuple[object, ...], bytes]],
    /,
) -> tuple[int, int, int]:
    """Send a burst of at most 64 packets to each target; how many packets, bytes and drops that made.

    Each packet goes out as its header, the payload encrypted, and the tag, one right behind the other. `runs`
    are the bytes of successive runs of these, and the size of each datagram in them but the last.

    A target is a `Cipher`, an address of UDP, and for each packet the ten bytes of the viewer's numbers: the
    index (RFC 3711 3.3.1), which ends with the sequence number, and the timestamp. They are written into the
    header, too. The cipher must not have served that SSRC and index.

    Raises `ValueError`, `TypeError` or `OverflowError` for anything else, before anything is sent;
    `RuntimeError` if OpenSSL fails, or another thread is sending.
    """
