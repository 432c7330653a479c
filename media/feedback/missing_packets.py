"""Whether a viewer's picture is broken: packets of it are missing, and the line has no room for them."""

import math

_PATIENCE_SECONDS = 0.1  # the line may have room a moment later
_FORGET_SECONDS = 0.4  # a receiver requests each round trip what it misses


class MissingPackets:
    """Watches what one viewer misses. `now` is in seconds of a steady clock."""

    __slots__ = ("_asked_at", "_sent_at", "_since")

    def __init__(self) -> None:
        self._since = math.inf  # when packets were refused that have been requested since
        self._asked_at = -math.inf
        self._sent_at = math.inf  # the oldest of them

    def asked(self, sent_at: float, now: float, *, refused: bool) -> None:
        """The viewer requests packets of its picture, the oldest of which was sent at `sent_at`.

        `refused`: they are not sent again.
        """
        if not refused:
            self._since = math.inf
        elif self._since == math.inf or now - self._asked_at > _FORGET_SECONDS:
            self._since, self._sent_at = now, sent_at
        self._asked_at = now

    def break_picture(self, keyframe_at: float, now: float) -> bool:
        """Whether it stands until its next keyframe; `keyframe_at` is when the latest one came."""
        asks_again = self._since < self._asked_at and now - self._asked_at <= _FORGET_SECONDS
        return asks_again and keyframe_at < self._sent_at and now - self._since >= _PATIENCE_SECONDS
