"""A poorer form of a track: its lowest temporal layer, or its keyframes alone, in a numbering of its own."""

from enum import Enum

from msgspec.structs import replace

from media.payload.keyframes import starts_keyframe
from media.rtp.packet import RtpPacket
from media.tracks.outgoing import Outgoing
from media.tracks.sent_track import SentTrack

MOST_MISSING = 256  # indexes that are kept free for one gap of the track
_KEPT_FREE = 1024  # and for all gaps, the newest
_PICTURES = 64  # recent ones, of which it is known whether they are passed
_SAMPLE = 512  # packets by which the size of a form is known


class Form(Enum):
    LOWEST_LAYER = "lowest layer"  # without the upper temporal layers
    KEYFRAMES = "keyframes"


class Thinned:
    """What `form` leaves of the track `base`, as track `number` of the room, while it is `active`.

    Pictures are passed whole or not at all. Indexes are contiguous where those of `base` are, so viewers miss
    nothing that was left out. Where packets of `base` are missing, their indexes remain free: nobody knows
    yet what is in them. A late packet takes its place there; if its picture is left out, an empty packet
    does, so that no viewer waits for it in vain.
    """

    __slots__ = (
        "_ended",
        "_free",
        "_newest",
        "_passed",
        "_pictures",
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
        self._free: dict[int, int] = {}  # missing indexes of `base` -> our indexes that wait for them
        self._pictures: dict[int, bool] = {}  # by timestamp: whether they are passed
        self.stop()

    def start(self) -> None:
        """Somebody wants this form: it continues with indexes that were never used."""
        self.active = True

    def stop(self) -> None:
        """Nobody wants it any more."""
        self.active = False
        self._free.clear()
        self._pictures.clear()
        self._newest: int | None = None  # index of the newest packet of `base`; ...
        self._passed = False  # ... whether it was passed, ...
        self._ended = True  # ... and whether it ended its picture

    def take(self, packet: Outgoing) -> Outgoing | None:
        """What goes out for a packet of `base`, taken in the order of arrival; None: nothing."""
        newest = self._newest
        if newest is not None and packet.extended <= newest:
            return self._late(packet)
        passes = self._passes(packet)
        if newest is not None and packet.extended > newest + 1:
            self._keep_free(newest + 1, packet.extended, passes)
        self._newest = packet.extended
        self._passed, self._ended = passes, packet.packet.marker
        if not passes:
            return None
        index = self.next_index
        self.next_index = index + 1
        return Outgoing(self.number, self.ssrc, index, packet.timestamp, packet.packet)

    def share(self) -> float:
        """The share of the bytes of `base` that is left of them lately, 0 to 1; 1 before any packet.

        It is measured when it is asked for, while not active, too: not for each packet.
        """
        history = self.base.history
        whole = left = 0
        pictures: dict[int, bool] = {}
        for packet in history.before(history.next_index, _SAMPLE):
            passes = pictures.get(packet.timestamp)
            if passes is None:
                passes = pictures[packet.timestamp] = self._judge(packet)
            size = len(packet.packet.payload)
            whole += size
            left += size if passes else 0
        return left / whole if whole else 1.0

    def _late(self, packet: Outgoing) -> Outgoing | None:
        index = self._free.pop(packet.extended, None)
        if index is None:
            return None
        content = packet.packet if self._passes(packet) else _empty(packet.packet)
        return Outgoing(self.number, self.ssrc, index, packet.timestamp, content)

    def _passes(self, packet: Outgoing) -> bool:
        """Whether the packet's picture is passed. Its first packet decides, so that no picture is torn."""
        passes = self._pictures.get(packet.timestamp)
        if passes is None:
            passes = self._judge(packet)
            if len(self._pictures) >= _PICTURES:
                del self._pictures[next(iter(self._pictures))]
            self._pictures[packet.timestamp] = passes
        return passes

    def _judge(self, first: Outgoing) -> bool:
        if self.form is Form.KEYFRAMES:
            return starts_keyframe(self.base.codec, first.packet.payload)
        return not self.base.temporal.layer(first.packet)

    def _keep_free(self, first: int, after: int, passes: bool) -> None:
        """Keep indexes for the packets from `first` to below `after`, unless nothing of them can be passed.

        Of the lowest layer, whole pictures may be missing. A whole keyframe may be, too, but hardly is: it
        has many packets. So only the neighbours of packets that are passed count.
        """
        if after - first > MOST_MISSING:
            return
        if self.form is Form.KEYFRAMES and not passes and (not self._passed or self._ended):
            return
        for missing in range(first, after):
            self._free[missing] = self.next_index
            self.next_index += 1
        while len(self._free) > _KEPT_FREE:
            del self._free[next(iter(self._free))]


def _empty(packet: RtpPacket) -> RtpPacket:
    """In the place of a packet that nobody gets; receivers skip it."""
    return replace(packet, padding=False, marker=False, extensions=(), payload=b"")
