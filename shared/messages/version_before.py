"""What the version before wrote and read otherwise. The next version drops this file and its uses.

Its workers wrote their rooms into their statuses, and its control processes look for them there.
"""

from dataclasses import dataclass, fields

from shared.messages.status import RoomStatus, WorkerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWithRooms(WorkerStatus):
    rooms: tuple[RoomStatus, ...] = ()


def with_rooms(status: WorkerStatus, rooms: tuple[RoomStatus, ...]) -> StatusWithRooms:
    own = {field.name: getattr(status, field.name) for field in fields(status)}
    return StatusWithRooms(**own, rooms=rooms)
