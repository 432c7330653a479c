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
    recordings of rooms.
    """

    set_for: Callable[[str], RoomSettings] = _nothing
    seats: int = 0
    stills: bool = True
    records: bool = True

    def seats_of(self, room: str) -> int:
        own = self.set_for(room).seats
        return self.seats if own is None else own

    def has_stills(self, room: str) -> bool:
        own = self.set_for(room).stills
        return self.stills if own is None else own

    def is_recorded(self, room: str) -> bool:
        own = self.set_for(room).recorded
        return self.records if own is None else own

    def is_listed(self, room: str) -> bool:
        return self.set_for(room).listed


NOTHING_SET = Policy()
