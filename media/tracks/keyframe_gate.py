"""Holds a new encoder's video back until something comes that a decoder can begin with.

Its pictures build upon others than those that viewers have seen: shown before its first keyframe they are
garbage.
"""

from media.payload.keyframes import has_keyframes, starts_keyframe

# Longer than the interval of keyframes of most encoders. Some never send a whole one (intra refresh).
MAX_HOLD_SECONDS = 10.0


class KeyframeGate:
    """One track. `now` is in seconds of a steady clock."""

    __slots__ = ("_codec", "_held_since", "closed")

    def __init__(self, codec: str = "") -> None:
        self._codec = codec
        self.closed = False
        self._held_since: float | None = None

    def close(self) -> None:
        """Hold back what comes from now on. Does nothing for a codec without keyframes."""
        self.closed = has_keyframes(self._codec)
        self._held_since = None

    def lets_pass(self, payload: bytes, now: float) -> bool:
        """Whether a packet of a track whose gate is closed may go on: then the gate is open."""
        if self._held_since is None:
            self._held_since = now
        if starts_keyframe(self._codec, payload) or now - self._held_since >= MAX_HOLD_SECONDS:
            self.closed = False
        return not self.closed
