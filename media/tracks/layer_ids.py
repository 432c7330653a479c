"""Numbers of pictures that only go up for a viewer that changes from one simulcast layer to another.

Each layer has an encoder of its own, which numbers its pictures as it likes: by the picture id of VP8 and
VP9, or by the frame number of a dependency descriptor. Decoders take a picture with a lower number for an
old one.
"""

from collections import deque

from media.payload.keyframes import starts_keyframe
from media.rtp.run import Run
from media.rtp.sequence import signed

_FRAME_BITS = 16
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

    def renumber(self, run: Run) -> None:
        """Give a run of the publisher's the numbers that viewers get, in place."""
        codec, descriptor = self._codec, self._descriptor
        for start, stop, timestamp, bits, picture, frame in run.pictures(codec, descriptor):
            ago = self._keyframes_ago(timestamp, run, start)
            of_picture = of_frame = 0
            if bits:
                of_picture = self._pictures.more(bits, picture, ago)
            if frame >= 0:
                of_frame = self._frames.more(_FRAME_BITS, frame, ago)
            run.renumber(start, stop, codec, descriptor, of_picture, of_frame)

    def _keyframes_ago(self, timestamp: int, run: Run, place: int) -> int:
        """How many keyframes have begun since the one that this picture comes after, or is."""
        if self._newest is None or _is_after(timestamp, self._newest):
            if self._newest is None or starts_keyframe(self._codec, run.packet(place).payload):
                self._begun_at.appendleft(timestamp)
                self._pictures.begin()
                self._frames.begin()
            self._newest = timestamp
            return 0
        return sum(1 for begun_at in self._begun_at if _is_after(begun_at, timestamp))


def _is_after(timestamp: int, other: int) -> bool:
    return signed(timestamp - other) > 0


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

    def begin(self) -> None:
        """A keyframe begins, or what counts as one after `restart`: the next number is its."""
        if self._newest is not None:
            self._offsets.appendleft(self._offsets[0])
        self._begins = True

    def more(self, bits: int, value: int, ago: int) -> int:
        """What is added to a number that the publisher sent after the keyframe so many keyframes ago."""
        own = self._unwrapped(bits, value)
        if self._begins and not ago:
            first = self._newest is None and self._highest.value >= 0
            if first or own + self._offsets[0] <= self._highest.value:
                self._offsets[0] = self._highest.value + 1 - own
            self._begins = False
        self._newest = own if self._newest is None else max(self._newest, own)
        offset = self._offsets[min(ago, len(self._offsets) - 1)]
        self._highest.value = max(self._highest.value, own + offset)
        return offset & 0xFFFF

    def _unwrapped(self, bits: int, value: int) -> int:
        if self._newest is None:
            return value
        return self._newest + signed(value - self._newest, bits)
