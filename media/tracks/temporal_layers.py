"""Which temporal layer a packet of video belongs to: pictures of the upper layers can be left out.

The pictures of layer 0 need no others. Publishers write the layer into a header extension, the dependency
descriptor, whatever their codec is; or else into the payload. Chromium with a `scalabilityMode` does the
former for all codecs, and leaves the latter out of VP8 then; H.264 has no place for it.
"""

from collections.abc import Callable

from media.payload import av1, dependency_descriptor, h265, vp8, vp9
from media.payload.dependency_descriptor import Structure
from media.payload.keyframes import starts_keyframe
from media.payload.picture import DepacketizeError
from media.rtp.packet import RtpPacket

_Reader = Callable[[bytes], int | None]
# A payload that is cut may raise `IndexError` or `DepacketizeError`.
_LAYERS: dict[str, _Reader] = {
    "VP8": vp8.temporal_layer,
    "VP9": vp9.temporal_layer,
    "H265": h265.temporal_layer,
    "AV1": av1.temporal_layer,
}
_SWITCHES: dict[str, Callable[[bytes, int], bool]] = {
    "VP8": vp8.is_switch,
    "VP9": vp9.is_switch,
}


class TemporalLayers:
    """The temporal layers of one track from one publisher.

    `descriptor_id` is the id of the dependency descriptor in its packets; 0: they have none.
    """

    __slots__ = ("_codec", "_descriptor_id", "_layer_of", "_structure", "top")

    def __init__(self, codec_name: str = "", descriptor_id: int = 0) -> None:
        self._codec = codec_name
        self._descriptor_id = descriptor_id
        self._layer_of = _LAYERS.get(codec_name)
        self._structure: Structure | None = None
        self.top = 0  # the highest layer that is known of; 0: nothing can be left out

    @property
    def sizes(self) -> int:
        """How many spatial layers the descriptor of the latest keyframe tells of."""
        return 1 if self._structure is None else self._structure.sizes

    def learn(self, packet: RtpPacket) -> None:
        """Take the first packet of a keyframe, the only one that says what a descriptor means."""
        descriptor = self._descriptor(packet)
        if descriptor is not None and dependency_descriptor.has_structure(descriptor):
            try:
                self._structure = dependency_descriptor.structure(descriptor)
            except DepacketizeError:
                self._structure = None
            self.top = 0 if self._structure is None else self._structure.top

    def layer(self, packet: RtpPacket) -> int | None:
        """The layer of a packet's picture, 0 the lowest; None: the packet does not say it."""
        descriptor = self._descriptor(packet)
        if descriptor is not None:
            if dependency_descriptor.has_structure(descriptor):
                self.learn(packet)
            known = self._structure
            return None if known is None else dependency_descriptor.temporal_layer(descriptor, known)
        if self._layer_of is None:
            return None
        try:
            layer = self._layer_of(packet.payload)
        except (LookupError, DepacketizeError):
            return None
        if layer is not None:
            self.top = max(self.top, layer)
        return layer

    def is_switch(self, packet: RtpPacket) -> bool:
        """Whether a picture starts in `packet` from which on a viewer of layer 0 can get all pictures again.

        Every keyframe is one. False if that is unknown.
        """
        if starts_keyframe(self._codec, packet.payload):
            return True
        descriptor = self._descriptor(packet)
        if descriptor is not None:
            known = self._structure
            return known is not None and dependency_descriptor.is_switch(descriptor, known)
        by_payload = _SWITCHES.get(self._codec)
        try:
            return by_payload is not None and by_payload(packet.payload, self.top)
        except (LookupError, DepacketizeError):
            return False

    def _descriptor(self, packet: RtpPacket) -> bytes | None:
        for number, value in packet.extensions:
            if number == self._descriptor_id:
                return value
        return None
