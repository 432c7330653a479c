"""Problems in a publisher's video: B-frames, and missing keyframes."""

from media.payload.h264 import has_b_frames

NO_KEYFRAME_SECONDS = 10.0

_PROBED_PACKETS = 1000  # an encoder that makes B-frames makes them from the beginning


class StreamWatch:
    """Watches one video track of one publisher. `now` is in seconds of a steady clock."""

    __slots__ = ("_began_at", "_probe", "b_frames", "packets_wanted")

    def __init__(self, codec: str) -> None:
        self._began_at: float | None = None
        self._probe = codec == "H264"
        self.packets_wanted = _PROBED_PACKETS if self._probe else 1  # more packets say nothing new
        self.b_frames = False

    def saw(self, payload: bytes, now: float) -> None:
        if self._began_at is None:
            self._began_at = now
        self.packets_wanted -= 1
        if self._probe and has_b_frames(payload):
            self.b_frames, self.packets_wanted = True, 0

    def lacks_keyframe(self, keyframe_at: float, now: float) -> bool:
        """Whether there was no keyframe for too long; the latest arrived at `keyframe_at`."""
        return self._began_at is not None and now - max(self._began_at, keyframe_at) >= NO_KEYFRAME_SECONDS
