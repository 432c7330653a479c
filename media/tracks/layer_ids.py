"""Numbers of pictures that only go up for a viewer that changes from one simulcast layer to another.

Each layer has an encoder of its own, which numbers its pictures as it likes: by the picture id of VP8 and
VP9, or by the frame number of a dependency descriptor. Decoders take a picture with a lower number for an
old one.
"""

from msgspec.structs import replace

from media.payload.keyframes import starts_keyframe
from media.payload.picture_id import PictureId, frame_number, picture_id, with_value
from media.rtp.packet import RtpPacket


class _Highest:
    """The highest number that any layer was given, counted over wraps; -1 before the first."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = -1


class PictureIds:
    """The numbers of one picture of a room, over all its layers and publishers."""

    __slots__ = ("frames", "pictures")

    def __init__(self) -> None:
        self.pictures = _Highest()
        self.frames = _Highest()


class LayerIds:
    """The numbers of one layer, as one publisher sends it.

    At each keyframe they continue above all that any layer of the picture was given. From one keyframe to the
    next the distances stay as sent, for late packets, too. A keyframe whose first packet comes behind later
    packets keeps the numbers that these have: so a viewer should change layers at one that comes in order.
    """

    __slots__ = ("_begun_at", "_codec", "_descriptor", "_frames", "_newest", "_pictures")

    def __init__(self, ids: PictureIds, codec: str, descriptor: int) -> None:
        """`descriptor` is the publisher's id of the dependency descriptor; 0: it sends none."""
        self._codec = codec
        self._descriptor = descriptor
        self._pictures = _Continued(ids.pictures)
        self._frames = _Continued(ids.frames)
        self._newest: int | None = None  # the publisher's timestamp of the newest picture, ...
        self._begun_at = 0  # ... and of the latest keyframe that came in order

    def restart(self) -> None:
        """Another stream takes the layer over. Its numbers and timestamps are not those of the former."""
        self._newest = None
        self._pictures.restart()
        self._frames.restart()

    def continued(self, packet: RtpPacket) -> RtpPacket:
        """A packet of the publisher, with its numbers as viewers get them. Duplicates may be passed."""
        found = picture_id(self._codec, packet.payload)
        descriptor = self._descriptor_of(packet) if self._descriptor else None
        frame = None if descriptor is None else frame_number(descriptor)
        if found is None and frame is None:
            return packet
        begins, is_late = self._place(packet)
        payload, extensions = packet.payload, packet.extensions
        if found is not None:
            payload = with_value(payload, found, self._pictures.number(found, begins, is_late))
        if frame is not None and descriptor is not None:
            written = with_value(descriptor, frame, self._frames.number(frame, begins, is_late))
            extensions = tuple(
                (element, written if element == self._descriptor else value) for element, value in extensions
            )
        return replace(packet, payload=payload, extensions=extensions)

    def _descriptor_of(self, packet: RtpPacket) -> bytes | None:
        return next((value for element, value in packet.extensions if element == self._descriptor), None)

    def _place(self, packet: RtpPacket) -> tuple[bool, bool]:
        """Whether a keyframe begins with the packet, and whether it is from before the latest one."""
        timestamp = packet.timestamp
        if self._newest is not None and not _is_after(timestamp, self._newest):
            return False, _is_after(self._begun_at, timestamp)
        begins = self._newest is None or starts_keyframe(self._codec, packet.payload)
        self._newest = timestamp
        if begins:
            self._begun_at = timestamp
        return begins, False


def _is_after(timestamp: int, other: int) -> bool:
    return 0 < timestamp - other & 0xFFFFFFFF < 0x80000000


class _Continued:
    """The numbers of one field in one layer. All are counted over wraps."""

    __slots__ = ("_former", "_highest", "_newest", "_offset")

    def __init__(self, highest: _Highest) -> None:
        self._highest = highest
        self._newest: int | None = None  # of the publisher's numbers
        self._offset = 0  # from the publisher's numbers to ours
        self._former = 0  # the same, before the latest keyframe

    def restart(self) -> None:
        self._newest = None

    def number(self, found: PictureId, begins: bool, is_late: bool) -> int:
        if self._newest is None:
            own = found.value
            # nobody was given a number before the very first one: it stays as it is
            self._offset = self._former = 0 if self._highest.value < 0 else self._above(own)
        else:
            half = 1 << found.bits - 1
            own = self._newest + (found.value - self._newest + half & 2 * half - 1) - half
            if begins:
                self._former = self._offset
                if own + self._offset <= self._highest.value:
                    self._offset = self._above(own)
        if begins or self._newest is None or own > self._newest:
            self._newest = own
        number = own + (self._former if is_late else self._offset)
        self._highest.value = max(self._highest.value, number)
        return number

    def _above(self, own: int) -> int:
        return self._highest.value + 1 - own
