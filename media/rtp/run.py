"""The one form in which packets travel from a publisher to viewers: a run. One packet is a run of one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from media.rtp.extensions import extension_block
from media.rtp.joined import Joined
from media.rtp.packet import RtpPacket, build_header

MOST_PACKETS = 64  # of a run: UDP_MAX_SEGMENTS of Linux
NOT_KEPT = bytes(256)  # `Form.ids` of a viewer that gets no extension of the publisher


class Form(NamedTuple):
    """How the packets of a track lie on a viewer's wire.

    `ids` has 256 bytes: at the place of a header extension's id in the room, its id there; 0: it is left out.
    `element` is the id of one more extension, which has `value` (16 bytes at most); 0: there is none.
    """

    payload_type: int
    ssrc: int  # 0: that of the run
    ids: bytes
    element: int
    value: bytes


def id_table(ids: Mapping[int, int]) -> bytes:
    """`Form.ids` of a mapping from the room's ids to the viewer's."""
    return bytes(ids.get(number, 0) for number in range(256)) if ids else NOT_KEPT


class Laid(NamedTuple):
    """A run in some form: header and payload of each packet, and which datagrams go out in one send.

    A send has the length of all its datagrams, and the size of each but the last, which may be shorter.
    """

    headers: Sequence[bytes]
    payloads: Sequence[bytes]
    sends: Sequence[tuple[int, int]]


class PicturePart(NamedTuple):
    """Neighbours in a run, from `start` to below `stop`, that have the same numbers of their picture."""

    start: int
    stop: int
    timestamp: int  # the publisher's
    bits: int  # of the picture id of VP8 or VP9; 0: there is none
    picture: int  # that id
    frame: int  # the frame number of the dependency descriptor; -1: there is none


class Run(Protocol):
    """Successive packets of one stream, `MOST_PACKETS` at most, that came together.

    There are two: `media.pure.run` and the native step's. They do the same, byte for byte. What is in it
    stays as it is once it is numbered, so that whoever keeps packets keeps their run.
    """

    @property
    def track(self) -> int:
        """The room's number of it."""

    @property
    def ssrc(self) -> int:
        """The room's of that track."""

    @property
    def first(self) -> int:
        """The 48-bit index of the first packet in the room's numbering; the others have the next ones."""

    @property
    def shift(self) -> int:
        """What is added to the publisher's timestamps (32 bits)."""

    @property
    def octets(self) -> int:
        """Of all payloads."""

    def __len__(self) -> int: ...

    def number(self, track: int, ssrc: int, first: int, shift: int, /) -> None:
        """Say where its packets are in the room."""

    def part(self, start: int, stop: int, /) -> "Run":
        """Its packets from place `start` to below `stop`, in the same memory, but with numbers of its own.

        Raises `IndexError` unless it has these, and one at least.
        """

    def packet(self, place: int, /) -> RtpPacket:
        """One as the publisher sent it, made anew with each call. Raises `IndexError`."""

    def packets(self) -> Sequence[RtpPacket]:
        """All of them as the publisher sent them."""

    def payloads(self) -> Sequence[bytes]:
        """With their padding, if they have any."""

    def contents(self) -> Sequence[bytes]:
        """The payloads without padding; nothing where that is wrong."""

    def sizes(self) -> Sequence[int]:
        """Bytes of the payloads."""

    def timestamps(self) -> Sequence[int]:
        """The room's; before it is numbered the publisher's."""

    def markers(self) -> Sequence[bool]: ...

    def octets_of(self, timestamp: int, /) -> int:
        """Of the payloads of packets with that timestamp of the room."""

    def numbers(self, element: int, /) -> Sequence[int]:
        """The first extension with that id of each packet where it is there, and has two bytes."""

    def suspects(self, codec: str, /) -> Sequence[tuple[int, bytes]]:
        """Place and payload of the packets in which a keyframe may start; in all others none does."""

    def pictures(self, codec: str, descriptor: int, /) -> Sequence[tuple[int, int, int, int, int, int]]:
        """A `PicturePart` for each, in order, but for packets without any number of a picture.

        `descriptor` is the id of the dependency descriptor; 0: there is none.
        """

    def renumber(
        self, start: int, stop: int, codec: str, descriptor: int, of_picture: int, of_frame: int, /
    ) -> None:
        """Add to the picture ids and the frame numbers of these packets, within their bits."""

    def lay(
        self, form: Form, most: int, /
    ) -> tuple[Sequence[bytes], Sequence[bytes], Sequence[tuple[int, int]]]:
        """A `Laid`, of which no send is longer than `most` bytes with the tags. Raises `ValueError`."""


class Opener(Protocol):
    """AES-128-GCM under one SRTP session key of a peer (RFC 7714)."""

    def open(self, datagrams: list[bytes] | Joined, first: int, /) -> Run | None:
        """The run of SRTP datagrams that are one stream's successive ones, from the index `first` on.

        None if they are anything else, more than `MOST_PACKETS`, if one is not authentic, or unusual: with
        CSRCs or padding.
        """


MakeOpener = Callable[[bytes, bytes], Opener]  # of the session key and its salt


def between(run: Run, first: int, after: int) -> Run:
    """The packets of a run that have the indexes from `first` to below `after`. Raises `IndexError`."""
    whole = first == run.first and after == first + len(run)
    return run if whole else run.part(first - run.first, after - run.first)


def by_picture(run: Run) -> Iterator[tuple[int, Run]]:
    """The packets of each picture in a run, with its timestamp in the room: nearly always there is one."""
    timestamps = run.timestamps()
    start, count = 0, len(timestamps)
    for stop in range(1, count + 1):
        if stop == count or timestamps[stop] != timestamps[start]:
            yield timestamps[start], between(run, run.first + start, run.first + stop)
            start = stop


def datagrams_of(run: Run) -> list[bytes]:
    """Its packets as RTP datagrams: as the publisher sent them, but for CSRCs."""
    return [
        build_header(
            packet,
            packet.payload_type,
            packet.sequence,
            packet.timestamp,
            packet.ssrc,
            extension_block(packet.extensions),
        )
        + packet.payload
        for packet in run.packets()
    ]
