"""Problems in a publisher's video: frames out of order, and missing keyframes."""

from collections.abc import Callable, Sequence

from media.payload.av1 import has_hidden_frames
from media.payload.h264 import has_b_frames
from media.payload.h265 import has_reordered_frames

NO_KEYFRAME_SECONDS = 10.0

# Encoders that change the order of frames do so from the beginning, within a second.
_PROBED_PACKETS = 2000
_PROBES: dict[str, Callable[[bytes], bool]] = {
    "H264": has_b_frames,
    "H265": has_reordered_frames,
    "AV1": has_hidden_frames,
}


class FrameWatch:
    """Watches one video track of one publisher. `now` is in seconds of a steady clock.

    `reorders`: frames come in another order than they are shown, which browsers do not play.
    """

    __slots__ = ("_began_at", "_probe", "packets_wanted", "reorders")

    def __init__(self, codec: str) -> None:
        self._began_at: float | None = None
        self._probe = _PROBES.get(codec)
        self.packets_wanted = _PROBED_PACKETS if self._probe else 1  # more packets say nothing new
        self.reorders = False

    def saw(self, payloads: Sequence[bytes], now: float) -> None:
        if self._began_at is None:
            self._began_at = now
        for payload in payloads[: self.packets_wanted]:
            self.packets_wanted -= 1
            if self._probe is not None and self._probe(payload):
                self.reorders, self.packets_wanted = True, 0
                return

    def lacks_keyframe(self, keyframe_at: float, now: float) -> bool:
        """Whether there was no keyframe for too long; the latest arrived at `keyframe_at`."""
        return self._began_at is not None and now - max(self._began_at, keyframe_at) >= NO_KEYFRAME_SECONDS
