"""The hot path in C: fan_out.c, if it was built."""

from collections.abc import Iterable, Iterator
from typing import Any

INTERFACE: int  # which version of these it has

class Cipher:
    """AES-128-GCM under one SRTP session key. Raises `ValueError` unless it has 16 bytes and the salt 12."""

    def __init__(self, key: bytes, salt: bytes, /) -> None: ...

class Opener:
    """`media.rtp.run.Opener`, under one SRTP session key of a peer. Raises `ValueError` as `Cipher` does."""

    def __init__(self, key: bytes, salt: bytes, /) -> None: ...
    def open(self, datagrams: list[bytes] | Joined, first: int, /) -> Run | None:
        """Raises `TypeError` for arguments of other types."""

class Run:
    """`media.rtp.run.Run`; an `Opener` or `copy` makes it. Packets are made when they are asked for."""

    track: int
    ssrc: int
    first: int
    shift: int
    octets: int

    def __len__(self) -> int: ...
    def number(self, track: int, ssrc: int, first: int, shift: int, /) -> None: ...
    def part(self, start: int, stop: int, /) -> Run: ...
    def packet(self, place: int, /) -> Any: ...
    def packets(self) -> list[Any]: ...
    def payloads(self) -> list[bytes]: ...
    def contents(self) -> list[bytes]: ...
    def sizes(self) -> list[int]: ...
    def timestamps(self) -> list[int]: ...
    def markers(self) -> list[bool]: ...
    def octets_of(self, timestamp: int, /) -> int: ...
    def numbers(self, element: int, /) -> list[int]: ...
    def suspects(self, codec: str, /) -> list[tuple[int, bytes]]: ...
    def pictures(self, codec: str, descriptor: int, /) -> list[tuple[int, int, int, int, int, int]]: ...
    def renumber(
        self, start: int, stop: int, codec: str, descriptor: int, of_picture: int, of_frame: int, /
    ) -> None: ...
    def lay(
        self, form: tuple[int, int, bytes, int, bytes], most: int, /
    ) -> tuple[list[bytes], list[bytes], list[tuple[int, int]]]: ...

def copy(datagrams: list[bytes], /) -> Run:
    """The run of these RTP packets, 64 at most. Raises `ValueError` for any other, or with CSRCs."""

class Joined:
    """Datagrams of one source that the kernel has joined, a sequence of bytes: `receive` makes it."""

    octets: int  # of all of them
    head: bytes  # the first twelve of the first one, if it has them

    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> bytes: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def begin_within(self, least: int, most: int, /) -> bool:
        """Whether the first byte of each one is from `least` to `most`."""

def receive(
    socket: int, most: int, longest: int, timed: bool, /
) -> tuple[list[tuple[bytes | Joined, tuple[str, int] | tuple[str, int, int, int]]], int, float]:
    """What has come to a UDP socket: datagrams and runs of them, each with its source; how many datagrams.

    It stops behind the run with the `most`th datagram. Longer ones than `longest` are left out. An error of
    the socket ends it, too. If it is `timed`, the third value is the Unix time at which the kernel received
    the first run; 0 if that is unknown.
    """

def send(
    socket: int,
    run: Run,
    form: tuple[int, int, bytes, int, bytes],
    most: int,
    targets: Iterable[tuple[object, tuple[object, ...], bytes]],
    /,
) -> tuple[int, int, int]:
    """Lay a run out in a `media.rtp.run.Form`, and send it to each target; how many packets, bytes, drops.

    Each packet goes out as its header, the payload encrypted, and the tag; no send of the kernel is longer
    than `most` bytes. A target is a `Cipher`, an address of UDP, and the ten bytes of its numbers: the index
    (RFC 3711 3.3.1) of its first packet, and what is added to the room's timestamps. The cipher must not have
    served that SSRC and these indexes.

    Raises `ValueError`, `TypeError` or `OverflowError` for anything else, before anything is sent;
    `RuntimeError` if OpenSSL fails, or another thread is sending.
    """
