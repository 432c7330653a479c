"""A run of a publisher's packets (`media.rtp.run.Run`), and what opens one."""

from collections.abc import Sequence
from itertools import groupby, repeat

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct
from msgspec.structs import replace

from media.payload.keyframes import may_start_keyframe
from media.payload.picture_id import PictureId, frame_number, picture_id, with_value
from media.rtp.extensions import Extensions, extension_block, read_extensions
from media.rtp.joined import Joined
from media.rtp.nonces import joined_ivs, salted
from media.rtp.packet import FIXED_SIZE, RtpPacket, pack_fixed, read_fixed
from media.rtp.padding import without_padding
from media.rtp.run import MOST_PACKETS, Form, Laid, PicturePart
from media.rtp.run import Run as AnyRun
from media.rtp.srtp import GCM_TAG

_VERSION, _PADDING, _EXTENSION = 0x80, 0x20, 0x10  # of a packet's first byte


class Run(Struct, gc=False, eq=False):
    """Of each packet an entry in each tuple; those of what no packet has are empty.

    `gc=False` hides it from Python's garbage collector: rooms keep thousands (decision 8).
    """

    payload_type: int  # the publisher's, as the next two; ...
    source: int  # ... its SSRC, ...
    sequence: int  # ... and the number of the first packet
    stamps: tuple[int, ...]  # the publisher's timestamps
    marks: tuple[bool, ...]
    padded: tuple[bool, ...]
    extensions: tuple[Extensions, ...]
    bodies: tuple[bytes, ...]
    octets: int
    track: int = 0
    ssrc: int = 0
    first: int = 0
    shift: int = 0

    @classmethod
    def of(cls, packets: Sequence[RtpPacket]) -> "Run":
        """Of successive packets of one stream, one at least."""
        first = packets[0]
        bodies = tuple([packet.payload for packet in packets])
        padded = tuple([packet.padding for packet in packets])
        extensions = tuple([packet.extensions for packet in packets])
        return cls(
            first.payload_type,
            first.ssrc,
            first.sequence,
            tuple([packet.timestamp for packet in packets]),
            tuple([packet.marker for packet in packets]),
            padded if True in padded else (),
            extensions if any(extensions) else (),
            bodies,
            sum(map(len, bodies)),
        )

    def __len__(self) -> int:
        return len(self.bodies)

    def number(self, track: int, ssrc: int, first: int, shift: int, /) -> None:
        self.track, self.ssrc, self.first, self.shift = track, ssrc, first, shift

    def part(self, start: int, stop: int, /) -> "Run":
        if not 0 <= start < stop <= len(self.bodies):
            raise IndexError("the run has no such packets")
        bodies = self.bodies[start:stop]
        return Run(
            self.payload_type,
            self.source,
            self.sequence + start & 0xFFFF,
            self.stamps[start:stop],
            self.marks[start:stop],
            self.padded[start:stop],
            self.extensions[start:stop],
            bodies,
            sum(map(len, bodies)),
            self.track,
            self.ssrc,
            self.first + start,
            self.shift,
        )

    def packet(self, place: int, /) -> RtpPacket:
        return self.part(place, place + 1).packets()[0]

    def packets(self) -> list[RtpPacket]:
        count = len(self.bodies)
        return [
            RtpPacket(
                padding, marker, self.payload_type, number & 0xFFFF, timestamp, self.source, found, body
            )
            for number, timestamp, marker, padding, found, body in zip(
                range(self.sequence, self.sequence + count),
                self.stamps,
                self.marks,
                self.padded or (False,) * count,
                self.extensions or ((),) * count,
                self.bodies,
                strict=True,
            )
        ]

    def payloads(self) -> Sequence[bytes]:
        return self.bodies

    def contents(self) -> Sequence[bytes]:
        if not self.padded:
            return self.bodies
        pairs = zip(self.bodies, self.padded, strict=True)
        return [(without_padding(body) or b"") if padding else body for body, padding in pairs]

    def sizes(self) -> Sequence[int]:
        return list(map(len, self.bodies))

    def timestamps(self) -> Sequence[int]:
        shift = self.shift
        return [stamp + shift & 0xFFFFFFFF for stamp in self.stamps] if shift else self.stamps

    def markers(self) -> Sequence[bool]:
        return self.marks

    def octets_of(self, timestamp: int, /) -> int:
        wanted = timestamp - self.shift & 0xFFFFFFFF
        if self.stamps.count(wanted) == len(self.stamps):
            return self.octets
        return sum(len(body) for stamp, body in zip(self.stamps, self.bodies, strict=True) if stamp == wanted)

    def numbers(self, element: int, /) -> Sequence[int]:
        found = []
        for extensions in self.extensions:
            value = next((value for number, value in extensions if number == element), b"")
            if len(value) == 2:
                found.append(value[0] << 8 | value[1])
        return found

    def suspects(self, codec: str, /) -> Sequence[tuple[int, bytes]]:
        heads = may_start_keyframe(codec)
        return [(place, body) for place, body in enumerate(self.bodies) if body[:1] in heads]

    def pictures(self, codec: str, descriptor: int, /) -> Sequence[PicturePart]:
        parts, start = [], 0
        every = zip(self.stamps, self.bodies, self.extensions or repeat(()), strict=False)
        for numbers, same in groupby(_picture(codec, descriptor, *each) for each in every):
            stop = start + len(list(same))
            _, bits, _, frame = numbers
            if bits or frame >= 0:
                parts.append(PicturePart(start, stop, *numbers))
            start = stop
        return parts

    def renumber(
        self, start: int, stop: int, codec: str, descriptor: int, of_picture: int, of_frame: int, /
    ) -> None:
        if not 0 <= start <= stop <= len(self.bodies):
            raise IndexError("the run has no such packets")
        bodies, extensions = list(self.bodies), list(self.extensions)
        for place in range(start, stop):
            if of_picture and (found := picture_id(codec, bodies[place])) is not None:
                bodies[place] = with_value(bodies[place], found, found.value + of_picture)
            if of_frame and extensions:
                extensions[place] = _with_frame(extensions[place], descriptor, of_frame)
        self.bodies, self.extensions = tuple(bodies), tuple(extensions)

    def lay(self, form: Form, most: int, /) -> Laid:
        added = ((form.element, form.value),) if form.element else ()
        count, ids = len(self.bodies), form.ids
        blocks: Sequence[bytes]
        if self.extensions:
            kept = [[(ids[n], value) for n, value in each if ids[n]] for each in self.extensions]
            blocks = [extension_block((*each, *added)) for each in kept]
        else:
            blocks = (extension_block(added),) * count
        sequence, ssrc, payload_type = self.first & 0xFFFF, form.ssrc or self.ssrc, form.payload_type
        headers = [
            pack_fixed(
                _VERSION | (_EXTENSION if block else 0) | (_PADDING if padding else 0),
                marker << 7 | payload_type,
                number & 0xFFFF,
                timestamp,
                ssrc,
            )
            + block
            for number, timestamp, marker, padding, block in zip(
                range(sequence, sequence + count),
                self.timestamps(),
                self.marks,
                self.padded or (False,) * count,
                blocks,
                strict=True,
            )
        ]
        sizes = [len(header) + len(body) + GCM_TAG for header, body in zip(headers, self.bodies, strict=True)]
        return Laid(headers, self.bodies, sends(sizes, most))


def sends(sizes: Sequence[int], most: int) -> list[tuple[int, int]]:
    """How many bytes of datagrams of these sizes go out in one send each, and the size of all but the last.

    A send has neighbours of equal size, of which the last may be shorter (UDP GSO), and `most` bytes at most.
    """
    cut: list[tuple[int, int]] = []
    length = segment = 0
    for size in sizes:
        if length and (size > segment or length % segment or length + size > most):
            cut.append((length, segment))
            length = 0
        if not length:
            segment = size
        length += size
    return [*cut, (length, segment)]


def _picture(
    codec: str, descriptor: int, timestamp: int, body: bytes, extensions: Extensions
) -> tuple[int, int, int, int]:
    found = picture_id(codec, body)
    value = _descriptor(extensions, descriptor)
    frame = None if value is None else frame_number(value)
    bits, picture = (0, -1) if found is None else (found.bits, found.value)
    return timestamp, bits, picture, -1 if frame is None else frame.value


def _descriptor(extensions: Extensions, descriptor: int) -> bytes | None:
    return next((value for number, value in extensions if number == descriptor), None) if descriptor else None


def _with_frame(extensions: Extensions, descriptor: int, more: int) -> Extensions:
    value = _descriptor(extensions, descriptor)
    found: PictureId | None = None if value is None else frame_number(value)
    if value is None or found is None:
        return extensions
    place = extensions.index((descriptor, value))
    written = descriptor, with_value(value, found, found.value + more)
    return (*extensions[:place], written, *extensions[place + 1 :])


class Opener:
    """`media.rtp.run.Opener`."""

    __slots__ = ("_decrypt", "_salt")

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._decrypt = AESGCM(key).decrypt
        self._salt = int.from_bytes(salt)

    def open(self, datagrams: list[bytes] | Joined, first: int, /) -> Run | None:
        count = len(datagrams)
        if not 0 < count <= MOST_PACKETS or first >> 48 or min(map(len, datagrams)) < FIXED_SIZE:
            return None
        firsts, seconds, sequences, stamps, ssrcs = zip(*map(read_fixed, datagrams), strict=True)
        head, ssrc, payload_type = firsts[0], ssrcs[0], seconds[0] & 0x7F
        if (
            head & ~_EXTENSION != _VERSION
            or firsts.count(head) != count
            or ssrcs.count(ssrc) != count
            or seconds.count(payload_type) + seconds.count(payload_type | 0x80) != count
            or sequences != tuple([number & 0xFFFF for number in range(first, first + count)])
        ):
            return None
        ends = [FIXED_SIZE] * count
        extensions: list[Extensions] = []
        if head & _EXTENSION:
            start = FIXED_SIZE + 4
            ends = [start + 4 * int.from_bytes(each[start - 2 : start]) for each in datagrams]
            if any(end > len(each) for end, each in zip(ends, datagrams, strict=True)):
                return None
            extensions = [
                read_extensions(int.from_bytes(each[FIXED_SIZE : FIXED_SIZE + 2]), each[start:end])
                for end, each in zip(ends, datagrams, strict=True)
            ]
        headers = [each[:end] for end, each in zip(ends, datagrams, strict=True)]
        bodies = [each[end:] for end, each in zip(ends, datagrams, strict=True)]
        nonces = salted(joined_ivs(ssrc, first, count), self._salt, count)
        try:
            opened = tuple(map(self._decrypt, nonces, bodies, headers))
        except InvalidTag:
            return None
        return Run(
            payload_type,
            ssrc,
            sequences[0],
            stamps,
            tuple([second >= 0x80 for second in seconds]),
            (),
            tuple(extensions) if any(extensions) else (),
            opened,
            sum(map(len, opened)),
        )


def without_payload(run: AnyRun, place: int) -> Run:
    """A packet of nothing in the place of that one, which nobody gets; receivers skip it."""
    packet = run.packet(place)
    return Run.of([replace(packet, padding=False, marker=False, extensions=(), payload=b"")])
