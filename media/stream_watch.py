"""What a publisher's video shows that its viewers will not like."""

from media.b_frames import has_b_frames
from media.keyframes import starts_keyframe
from media.rtp import RtpPacket

NO_KEYFRAME_SECONDS = 10.0

_FIRST_PACKETS = 3  # of a frame: a delimiter and other trifles may come before what tells its kind
_PROBED_PACKETS = 1000  # an encoder that makes B-frames does so from its beginning


class StreamWatch:
    """Of one video track of one publisher. `now` is in seconds of a steady clock."""

    __slots__ = ("_codec", "_left", "_probes", "_timestamp", "b_frames", "keyframe_at")

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._timestamp = -1
        self._left = 0  # packets of the present frame to look at
        self._probes = _PROBED_PACKETS if codec == "H264" else 0
        self.b_frames = False
        self.keyframe_at: float | None = None  # or when the first packet came; None: none did

    def saw(self, packet: RtpPacket, now: float) -> None:
        if packet.timestamp != self._timestamp:
            self._timestamp, self._left = packet.timestamp, _FIRST_PACKETS
        if self._left:
            self._left -= 1
            if self.keyframe_at is None or starts_keyframe(self._codec, packet.payload):
                self.keyframe_at, self._left = now, 0
        if self._probes:
            self._probes -= 1
            if has_b_frames(packet.payload):
                self.b_frames, self._probes = True, 0

    def lacks_keyframe(self, now: float) -> bool:
        """Whether a viewer who joins has waited for one for too long."""
        return self.keyframe_at is not None and now - self.keyframe_at >= NO_KEYFRAME_SECONDS
