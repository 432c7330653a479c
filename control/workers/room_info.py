"""What operators have set for a room that viewers may know: its title, and whether it is blocked."""

from collections.abc import Callable
from typing import NamedTuple


class RoomInfo(NamedTuple):
    """`locked`: playing requires credentials. `blocked`: the operator's reason; None: it is not blocked."""

    locked: bool = False
    title: str = ""
    blocked: str | None = None

    def for_anybody(self) -> "RoomInfo":
        """The part that a caller may know who has shown no credential for the room."""
        return RoomInfo(locked=True) if self.locked else self


RoomInfos = Callable[[str], RoomInfo]
