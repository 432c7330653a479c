"""Encrypts a burst for many viewers and sends it to them: fan_out.c, if it was built."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

INTERFACE: int  # which version of these it has

class Cipher:
    """AES-128-GCM under one SRTP session key. Raises `ValueError` unless it has 16 bytes and the salt 12."""

    def __init__(self, key: bytes, salt: bytes, /) -> None: ...

class Opener:
    """AES-128-GCM under one SRTP session key of a peer. Raises `ValueError` as `Cipher` does."""

    def __init__(self, key: bytes, salt: bytes, /) -> None: ...
    def open(self, datagrams: list[bytes] | Joined, first: int, packet: Callable[..., Any], /) -> Run | None:
        """The run of SRTP datagrams that are one stream's successive ones, from the index `first` on.

        Its packets are what `packet` makes of the fields of an `RtpPacket`, in order. None if they are
        anything else, more than 64, if one is not authentic, or unusual: with CSRCs or padding. Raises
        `TypeError` for arguments of other types.
        """

class Run:
    """Successive packets of one stream, in one piece of memory; an `Opener` makes it.

    It is a sequence of packets in the room's numbering once `number` has told that; each is made when it is
    asked for. Raises `IndexError` for a packet that it does not have, `ValueError` before it is numbered.
    """

    octets: int  # of all payloads

    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def packets(self) -> list[Any]:
        """The packets as the publisher has numbered them."""

    def number(self, outgoing: Callable[..., Any], track: int, ssrc: int, index: int, shift: int, /) -> None:
        """Make of each packet what `outgoing` makes of the fields of an `Outgoing`.

        The first one has that index, and `shift` is added to the timestamps (32 bits).
        """

    def timestamps(self) -> list[int]:
        """The publisher's."""

    def octets_of(self, timestamp: int, /) -> int:
        """Of the payloads of packets with that timestamp of the room."""

    def size(self, place: int, /) -> int:
        """Bytes of a payload. Raises `IndexError`."""

    def has_any(self, ids: Iterable[int], /) -> bool:
        """Whether a packet has a header-extension element with one of these ids."""

    def numbers(self, number: int, /) -> list[int]:
        """The first element with that id of each packet where it is there, and has two bytes."""

    def suspects(self, codec: str, /) -> list[bytes]:
        """The payloads in which a keyframe may start; in all others certainly none does."""

    def pictures(self, codec: str, descriptor: int, /) -> list[tuple[int, int, int, int]]:
        """The numbers of pictures in the packets, in order; neighbours that have the same are told once.

        Each is the publisher's timestamp, how many bits the picture id of VP8 or VP9 has (0: there is none),
        the id, and the frame number in the element with the id `descriptor` (-1: there is none). Packets
        with neither number are left out.
        """

    def renumber(self, codec: str, descriptor: int, pictures: int, frames: int, /) -> None:
        """Add `pictures` to each picture id and `frames` to each frame number, in place, within its bits."""

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

def lay(
    packets: list[Any], payload_type: int, ssrc: int, block: bytes, most_run: int, /
) -> tuple[list[bytes], list[bytes], list[tuple[int, int]], int] | None:
    """Headers, payloads and runs (see `send`) of successive packets of one track, and the payloads' bytes.

    The packets are `Outgoing`. Each header has that payload type, `ssrc` (0: that of the packet), and `block`
    behind it, the extensions. No run is longer than `most_run` bytes. None for any other burst, and for
    packets with extensions. Raises `TypeError`, `AttributeError` or `OverflowError` for what are no packets.
    """

def send_run(
    socket: int,
    run: Run,
    payload_type: int,
    ssrc: int,
    block: bytes,
    most_run: int,
    targets: Iterable[tuple[object, tuple[object, ...], bytes]],
    /,
) -> tuple[int, int, int]:
    """`lay` and `send` a numbered run. What it returns, and a target, is as of `send`, with one difference.

    The ten bytes of a target's numbers are the index of its first packet, and what is added to the room's
    timestamps. Raises `ValueError` if the run is not numbered, or something is too long.
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
