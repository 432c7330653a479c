"""What does not work in a room as it should, in words for people: each once, and gone when it is over."""

from collections.abc import Iterator

from shared.logging import get_logger
from shared.names import RoomName

MAX_WARNINGS = 16

B_FRAMES = "the publisher sends B-frames, which browsers do not play smoothly: switch them off in its encoder"
NO_KEYFRAME = "no keyframe for 10 s: who joins waits for a picture; set a shorter keyframe interval"

log = get_logger()


class RoomWarnings:
    """The warnings of one room, oldest first."""

    def __init__(self, room: RoomName) -> None:
        self._room = room
        self._texts: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def append(self, text: str) -> None:
        """Add what somebody else has logged."""
        if text not in self._texts and len(self._texts) < MAX_WARNINGS:
            self._texts.append(text)

    def set(self, text: str, *, holds: bool) -> None:
        """Add and log a warning when it begins to hold, take it back when it does not any more."""
        if not holds:
            if text in self._texts:
                self._texts.remove(text)
        elif text not in self._texts:
            log.warning("something is wrong in a room", room=self._room, warning=text)
            self.append(text)

    def clear(self) -> None:
        self._texts.clear()
