"""A poorer form of a track: its lowest temporal layer, or its keyframes alone, in a numbering of its own."""

from bisect import bisect_right
from collections import deque
from enum import Enum
from operator import attrgetter

from media.payload.keyframes import starts_keyframe
from media.pure.run import without_payload
from media.rtp.run import Run, by_picture
from media.rtp.sequence import REORDER_PACKETS
from media.tracks.sent_track import SentTrack

MOST_MISSING = 256  # indexes that are kept free for one gap of the track
# Gaps that are kept, the newest. For each a packet is missing and one came, so the room takes nothing any
# more that belongs into an older one.
_GAPS = REORDER_PACKETS // 2
_PICTURES = 64  # recent ones, of which it is known whether they are passed
_SAMPLE = 512  # packets by which the size of a form is known


class Form(Enum):
    LOWEST_LAYER = "lowest layer"  # without the upper temporal layers
    KEYFRAMES = "keyframes"


class _Gap:
    """Missing indexes of the base, from `first` to below `after`; ours from `index` on wait for them."""

    __slots__ = ("after", "came", "first", "index")

    def __init__(self, first: int, after: int, index: int) -> None:
        self.first = first
        self.after = after
        self.index = index
        self.came = 0  # bit n: the packet `first + n` has come


class Thinned:
    """What `form` leaves of the track `base`, as track `number` of the room, while it is `active`.

    Pictures are passed whole or not at all. Indexes are contiguous where those of `base` are, so viewers miss
    nothing that was left out. Where packets of `base` are missing, their indexes remain free: nobody knows
    yet what is in them. A late packet takes its place there. If its picture is of an upper layer, an empty
    packet does, so that no viewer waits for it in vain.
    """

    __slots__ = (
        "_begins_at",
        "_ended",
        "_gaps",
        "_is_switch",
        "_newest",
        "_passed",
        "_pictures",
        "_timestamp",
        "active",
        "base",
        "form",
        "next_index",
        "number",
        "ssrc",
    )

    def __init__(self, number: int, ssrc: int, form: Form, next_index: int, base: SentTrack) -> None:
        """The first packet gets `next_index` (48 bits)."""
        self.number = number
        self.ssrc = ssrc
        self.form = form
        self.next_index = next_index
        self.base = base
        self._gaps: deque[_Gap] = deque(maxlen=_GAPS)  # oldest first
        self._pictures: dict[int, bool] = {}  # by timestamp: whether they are passed
        self.stop()

    def start(self) -> None:
        """Somebody wants this form: it continues with indexes that were never used."""
        self.active = True

    def stop(self) -> None:
        """Nobody wants it any more."""
        self.active = False
        self._gaps.clear()
        self._pictures.clear()
        self._newest: int | None = None  # index of the newest packet of `base`, ...
        self._ended = False  # ... whether it ended its picture, ...
        self._timestamp: int | None = None  # ... and which that is

    def take(self, run: Run) -> list[Run]:
        """What goes out for a run of `base`, taken in the order of arrival."""
        return [left for timestamp, part in by_picture(run) for left in self._take(timestamp, part)]

    def _take(self, timestamp: int, part: Run) -> list[Run]:
        newest = self._newest
        if newest is not None and part.first <= newest:
            return self._late(timestamp, part)
        passes = self._passes(timestamp, part)
        if timestamp != self._timestamp:
            self._timestamp = timestamp
            self._begins_at = part.first
            # whether all pictures may be passed from it on
            self._is_switch = self.base.temporal.is_switch(part.packet(0))
        if newest is not None and part.first > newest + 1:
            self._is_switch = False  # the picture may come late, when its viewers are elsewhere
            self._keep_free(newest + 1, part.first, passes)
        count = len(part)
        self._newest = part.first + count - 1
        self._passed, self._ended = passes, part.markers()[-1]
        if not passes:
            return []
        index = self.next_index
        self.next_index = index + count
        return [self._own(part.part(0, count), index, part.shift)]

    def _own(self, run: Run, index: int, shift: int) -> Run:
        run.number(self.number, self.ssrc, index, shift)
        return run

    @property
    def between_pictures(self) -> bool:
        """Whether a viewer of `base` that has got all so far may go on with this form, at `next_index`."""
        return self._ended

    @property
    def whole_from(self) -> int | None:
        """The index of `base` from which on a viewer of this form, that has got all so far, may get all.

        None: not now. It needs no keyframe, but that the latest picture is one that all layers may follow: it
        was left out and is to be sent now, or it was passed and has ended.
        """
        if self._newest is None or not self._is_switch:
            return None
        if not self._passed:
            return self._begins_at
        return self._newest + 1 if self._ended else None

    def share(self) -> float:
        """The share of the bytes of `base` that is left of them lately, 0 to 1; 1 before any packet.

        It is measured when it is asked for, while not active, too: not for each packet.
        """
        history = self.base.history
        whole = left = 0
        pictures: dict[int, bool] = {}
        for run in history.before(history.next_index, _SAMPLE):
            for timestamp, part in by_picture(run):
                passes = pictures.get(timestamp)
                if passes is None:
                    passes = pictures[timestamp] = self._judge(part)
                whole += part.octets
                left += part.octets if passes else 0
        return left / whole if whole else 1.0

    def _late(self, timestamp: int, part: Run) -> list[Run]:
        late = []
        for place in range(len(part)):
            index = self._free_index(part.first + place)
            if index is None:
                continue
            if self._passes(timestamp, part):
                late.append(self._own(part.part(place, place + 1), index, part.shift))
            elif self.form is not Form.KEYFRAMES:  # `Paced` numbers each keyframe behind what it has sent
                late.append(self._own(without_payload(part, place), index, part.shift))
        return late

    def _free_index(self, missing: int) -> int | None:
        """Our index that waits for a packet of `base`; None if none does, or that packet came before."""
        before = bisect_right(self._gaps, missing, key=attrgetter("first"))
        gap = self._gaps[before - 1] if before else None
        if gap is None or missing >= gap.after:
            return None
        place = missing - gap.first
        if gap.came >> place & 1:
            return None
        gap.came |= 1 << place
        return gap.index + place

    def _passes(self, timestamp: int, part: Run) -> bool:
        """Whether a picture is passed. Its first packet decides, so that no picture is torn."""
        passes = self._pictures.get(timestamp)
        if passes is None:
            passes = self._judge(part)
            if len(self._pictures) >= _PICTURES:
                del self._pictures[next(iter(self._pictures))]
            self._pictures[timestamp] = passes
        return passes

    def _judge(self, part: Run) -> bool:
        first = part.packet(0)
        if self.form is Form.KEYFRAMES:
            return starts_keyframe(self.base.codec, first.payload)
        return not self.base.temporal.layer(first)

    def _keep_free(self, first: int, after: int, passes: bool) -> None:
        """Keep indexes for the packets from `first` to below `after`, unless nothing of them can be passed.

        Of the lowest layer, whole pictures may be missing. A whole keyframe may be, too, but hardly is: it
        has many packets. So only the neighbours of packets that are passed count.
        """
        if after - first > MOST_MISSING:
            return
        if self.form is Form.KEYFRAMES and not passes and (not self._passed or self._ended):
            return
        self._gaps.append(_Gap(first, after, self.next_index))
        self.next_index += after - first
