"""Holds back the video of a new encoder until its first keyframe.

Pictures before it refer to pictures that the viewers never got, so a decoder would show garbage.
"""

from media.payload.keyframes import has_keyframes, starts_keyframe

# Longer than most encoders' keyframe interval. Some never send a complete keyframe (intra refresh).
MAX_HOLD_SECONDS = 10.0


class KeyframeGate:
    """One track. `now` is in seconds of a steady clock."""

    __slots__ = ("_codec", "_held_since", "closed")

    def __init__(self, codec: str = "") -> None:
        self._codec = codec
        self.closed = False
        self._held_since: float | None = None

    def close(self) -> None:
        """Hold back packets from now on. Does nothing for a codec without keyframes."""
        self.closed = has_keyframes(self._codec)
        self._held_since = None

    def lets_pass(self, payload: bytes, now: float) -> bool:
        """Whether the closed gate opens with this packet."""
        if self._held_since is None:
            self._held_since = now
        if starts_keyframe(self._codec, payload) or now - self._held_since >= MAX_HOLD_SECONDS:
            self.closed = False
        return not self.closed
