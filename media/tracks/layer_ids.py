"""Numbers of pictures that only go up for a viewer that changes from one simulcast layer to another.

Each layer has an encoder of its own, which numbers its pictures as it likes: by the picture id of VP8 and
VP9, or by the frame number of a dependency descriptor. Decoders take a picture with a lower number for an
old one.
"""

from collections import deque

from msgspec.structs import replace

from media.payload.keyframes import any_starts_keyframe, starts_keyframe
from media.payload.picture_id import PictureId, frame_number, picture_id, with_value
from media.rtp.opener import NativeRun
from media.rtp.packet import RtpPacket

_MOST_KEYFRAMES = 4  # that a late packet may be behind: more than are asked for within the age of a NACK


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
        self._begun_at: deque[int] = deque(maxlen=_MOST_KEYFRAMES)  # ... and of keyframes, the latest first

    def restart(self) -> None:
        """Another stream takes the layer over. Its numbers and timestamps are not those of the former."""
        self._newest = None
        self._begun_at.clear()
        self._pictures.restart()
        self._frames.restart()

    def continued(self, packet: RtpPacket) -> RtpPacket:
        """A packet of the publisher, with its numbers as viewers get them. Duplicates may be passed."""
        found = picture_id(self._codec, packet.payload)
        descriptor = self._descriptor_of(packet) if self._descriptor else None
        frame = None if descriptor is None else frame_number(descriptor)
        if found is None and frame is None:
            return packet
        ago = self._keyframes_ago(packet)
        payload, extensions = packet.payload, packet.extensions
        if found is not None:
            payload = with_value(payload, found, self._pictures.number(found, ago))
        if frame is not None and descriptor is not None:
            written = with_value(descriptor, frame, self._frames.number(frame, ago))
            extensions = tuple(
                (element, written if value is descriptor else value) for element, value in extensions
            )
        return replace(packet, payload=payload, extensions=extensions)

    def continue_run(self, run: NativeRun) -> bool:
        """`continued` for all packets of a run, in place.

        False, and nothing has changed, if a keyframe may begin in it, or one has begun since a packet of it.
        """
        pictures = run.pictures(self._codec, self._descriptor)
        if not pictures:
            return True
        newest = self._newest
        if newest is None:
            return False
        suspects = run.suspects(self._codec)
        if suspects and any_starts_keyframe(self._codec, suspects):
            return False
        for timestamp, _, _, _ in pictures:
            if _is_after(timestamp, newest):
                newest = timestamp
            elif any(_is_after(begun_at, timestamp) for begun_at in self._begun_at):
                return False
        self._newest = newest
        for _, bits, identifier, frame in pictures:
            if bits:
                self._pictures.number(PictureId(0, bits, identifier), 0)
            if frame >= 0:
                self._frames.number(PictureId(0, 16, frame), 0)
        run.renumber(self._codec, self._descriptor, self._pictures.offset, self._frames.offset)
        return True

    def _descriptor_of(self, packet: RtpPacket) -> bytes | None:
        return next((value for element, value in packet.extensions if element == self._descriptor), None)

    def _keyframes_ago(self, packet: RtpPacket) -> int:
        """How many keyframes have begun since the one that the packet comes after, or belongs to."""
        timestamp = packet.timestamp
        if self._newest is None or _is_after(timestamp, self._newest):
            if self._newest is None or starts_keyframe(self._codec, packet.payload):
                self._begun_at.appendleft(timestamp)
                self._pictures.begin()
                self._frames.begin()
            self._newest = timestamp
            return 0
        return sum(1 for begun_at in self._begun_at if _is_after(begun_at, timestamp))


def _is_after(timestamp: int, other: int) -> bool:
    return 0 < timestamp - other & 0xFFFFFFFF < 0x80000000


class _Continued:
    """The numbers of one field in one layer. All are counted over wraps."""

    __slots__ = ("_begins", "_highest", "_newest", "_offsets")

    def __init__(self, highest: _Highest) -> None:
        self._highest = highest
        self.restart()

    def restart(self) -> None:
        self._newest: int | None = None  # of the publisher's numbers
        self._offsets = deque([0], _MOST_KEYFRAMES)  # from those to ours: one for each keyframe, latest first
        self._begins = False

    @property
    def offset(self) -> int:
        """What is added to numbers since the latest keyframe, within the bits of every field."""
        return self._offsets[0] & 0xFFFF

    def begin(self) -> None:
        """A keyframe begins: the next number is its."""
        if self._newest is not None:
            self._offsets.appendleft(self._offsets[0])
        self._begins = True

    def number(self, found: PictureId, ago: int) -> int:
        """Ours for a number that the publisher sent after the keyframe that is so many keyframes ago."""
        own = self._unwrapped(found)
        if self._begins and not ago:
            first = self._newest is None and self._highest.value >= 0
            if first or own + self._offsets[0] <= self._highest.value:
                self._offsets[0] = self._highest.value + 1 - own
            self._begins, self._newest = False, own
        self._newest = own if self._newest is None else max(self._newest, own)
        number = own + self._offsets[min(ago, len(self._offsets) - 1)]
        self._highest.value = max(self._highest.value, number)
        return number

    def _unwrapped(self, found: PictureId) -> int:
        if self._newest is None:
            return found.value
        half = 1 << found.bits - 1
        return self._newest + (found.value - self._newest + half & 2 * half - 1) - half
