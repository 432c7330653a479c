"""When to ask a publisher for a keyframe: at once, but not more often than it can bear."""

import math

INTERVAL_SECONDS = 0.5


class KeyframeRequests:
    """The requests for one track, however many viewers wait. `now` is in seconds of a steady clock."""

    __slots__ = ("_sent_at", "_waiting")

    def __init__(self) -> None:
        self._sent_at = -math.inf
        self._waiting = False

    def want(self, now: float) -> bool:
        """A viewer needs a keyframe: whether to ask the publisher now. If not, it is due later."""
        self._waiting = True
        return self.due(now)

    def due(self, now: float) -> bool:
        """Whether somebody waits and the publisher may be asked again: then ask it."""
        if not self._waiting or now < self._sent_at + INTERVAL_SECONDS:
            return False
        self._waiting = False
        self._sent_at = now
        return True

    def arrived(self) -> None:
        """A keyframe came: whoever waited has it."""
        self._waiting = False
