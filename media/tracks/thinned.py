"""A poorer form of a track: its lowest temporal layer, or its keyframes alone, in a numbering of its own."""

from collections.abc import Callable, Iterable
from enum import Enum

from msgspec.structs import replace

from media.payload.keyframes import starts_keyframe
from media.payload.temporal_layers import TemporalLayers
from media.rtp.packet import RtpPacket
from media.tracks.outgoing import Outgoing

MOST_MISSING = 256  # numbers that are kept free for one gap of the track
_KEPT_FREE = 1024  # and for all gaps, the newest
_PICTURES = 64  # recent ones, of which it is known whether they are passed


class Form(Enum):
    LOWEST_LAYER = "lowest layer"  # without the upper temporal layers
    KEYFRAMES = "keyframes"


class Thinned:
    """Track `number` of a room with the SSRC `ssrc`: what `form` leaves of another track, while it is `active`.

    Pictures are passed whole or not at all. Indexes are contiguous where the other track's are, so viewers
    miss nothing that was left out. Where packets of the other track are missing, their indexes remain free:
    nobody knows yet what is in them. A late packet takes its place there; if its picture is left out, an
    empty packet does, so that no viewer waits for it in vain.
    """

    __slots__ = (
        "_codec",
        "_ended",
        "_form",
        "_free",
        "_layers",
        "_newest",
        "_passed",
        "_pictures",
        "active",
        "next_index",
        "number",
        "ssrc",
    )

    def __init__(
        self, number: int, ssrc: int, form: Form, next_index: int, codec_name: str, layers: TemporalLayers
    ) -> None:
        """The first packet gets `next_index` (48 bits)."""
        self.number = number
        self.ssrc = ssrc
        self.next_index = next_index
        self.active = False
        self._form = form
        self._free: dict[
            int, int
        ] = {}  # missing indexes of the other track -> our indexes that wait for them
        self._pictures: dict[int, bool] = {}  # by timestamp: whether they are passed
        self.publish(codec_name, layers)
        self.stop()

    def publish(self, codec_name: str, layers: TemporalLayers) -> None:
        """Another publisher sends the other track from now on."""
        self._codec = codec_name
        self._layers = layers

    def start(self) -> None:
        """Somebody wants this form: it continues with indexes that were never used."""
        self.active = True

    def stop(self) -> None:
        """Nobody wants it any more."""
        self.active = False
        self._free.clear()
        self._pictures.clear()
        self._newest: int | None = None  # index of the newest packet of the other track; ...
        self._passed = False  # ... whether it was passed, ...
        self._ended = True  # ... and whether it ended its picture

    def take(self, packet: Outgoing) -> Outgoing | None:
        """What goes out for a packet of the other track, taken in the order of arrival; None: nothing."""
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
            if self._form is Form.KEYFRAMES:
                passes = starts_keyframe(self._codec, packet.packet.payload)
            else:
                passes = not self._layers.layer(packet.packet)
            if len(self._pictures) >= _PICTURES:
                del self._pictures[next(iter(self._pictures))]
            self._pictures[packet.timestamp] = passes
        return passes

    def _keep_free(self, first: int, after: int, passes: bool) -> None:
        """Keep indexes for the packets from `first` to below `after`, unless nothing of them can be passed.

        Of the lowest layer, whole pictures may be missing. A whole keyframe may be, too, but hardly is: it
        has many packets. So only the neighbours of packets that are passed count.
        """
        if after - first > MOST_MISSING:
            return
        if self._form is Form.KEYFRAMES and not passes and (not self._passed or self._ended):
            return
        for missing in range(first, after):
            self._free[missing] = self.next_index
            self.next_index += 1
        while len(self._free) > _KEPT_FREE:
            del self._free[next(iter(self._free))]


def share(packets: Iterable[Outgoing], layer: Callable[[RtpPacket], int | None]) -> float:
    """The share of the payloads' bytes that is in the lowest temporal layer, 0 to 1; 1 without packets."""
    whole = lowest = 0
    for outgoing in packets:
        size = len(outgoing.packet.payload)
        whole += size
        lowest += 0 if layer(outgoing.packet) else size
    return lowest / whole if whole else 1.0


def _empty(packet: RtpPacket) -> RtpPacket:
    """In the place of a packet that nobody gets; receivers skip it."""
    return replace(packet, padding=False, marker=False, extensions=(), payload=b"")
