"""When a recording continues in a new part, and when it may."""

import math
from dataclasses import dataclass

from media.token_bucket import TokenBucket
from shared.names import RoomName
from shared.telemetry.logging import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """0 is no limit."""

    seconds: float = 0.0
    size: int = 0  # bytes

    def reached(self, seconds: float, size: int) -> bool:
        return bool((self.seconds and seconds >= self.seconds) or (self.size and size >= self.size))


class ChangeAllowance:
    """How often a room's recording may begin a new part because its stream changed. `now` is steady.

    A browser changes its resolution a few times in its first minute. A publisher that does so with each
    keyframe would make thousands of files.
    """

    BURST = 20
    SECONDS = 15.0  # until there is another one

    def __init__(self, room: RoomName) -> None:
        self._room = room
        self._bucket = TokenBucket(1 / self.SECONDS, self.BURST, -math.inf)
        self.refused = 0

    def has_one(self, now: float) -> bool:
        return self._bucket.left(now) >= 1

    def take(self, now: float) -> bool:
        """Use one up; False, and counted, if there is none."""
        if self._bucket.take(now):
            return True
        if not self.refused:  # one line, however many there are
            log.warning("the stream changes too often: the recording leaves out pictures", room=self._room)
        self.refused += 1
        return False
