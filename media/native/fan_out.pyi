"""Encrypts a burst for many viewers and sends it to them: fan_out.c, if it was built."""

from collections.abc import Iterable

INTERFACE: int  # which version of these two it has

class Cipher:
    """AES-128-GCM under one SRTP session key. Raises `ValueError` unless it has 16 bytes and the salt 12."""

    def __init__(self, key: bytes, salt: bytes, /) -> None: ...

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
