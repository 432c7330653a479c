"""What holds in rooms: what is set for one by the API, otherwise what the environment says for all."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.messages.room_settings import RoomSettings


def _nothing(room: str) -> RoomSettings:
    return RoomSettings(room=room)


@dataclass(frozen=True, slots=True)
class Policy:
    """`set_for` is what is set for a room.

    `seats`: viewers of each room (0: any number). `stills`, `records`: whether there are pictures and
    recordings of rooms. `keep_days`: how long recordings stay on the disk (0: for ever).
    """

    set_for: Callable[[str], RoomSettings] = _nothing
    seats: int = 0
    stills: bool = True
    records: bool = True
    keep_days: float = 0.0

    def seats_of(self, room: str) -> int:
        own = self.set_for(room).seats
        return self.seats if own is None else own

    def has_stills(self, room: str) -> bool:
        own = self.set_for(room).stills
        return self.stills if own is None else own

    def is_recorded(self, room: str) -> bool:
        own = self.set_for(room)
        if own.note is not None and own.note.paused:
            return False
        return self.records if own.recorded is None else own.recorded

    def keep_days_of(self, room: str) -> float:
        own = self.set_for(room).keep_days
        return self.keep_days if own is None else own

    def is_listed(self, room: str) -> bool:
        return self.set_for(room).listed


NOTHING_SET = Policy()
