"""The events of rooms (`GET /api/rooms/events`) as text. Does no I/O."""

from collections.abc import Sequence

from control.workers.cluster_rooms import ClusterRoom
from control.workers.room_facts import compact_json, detail, missing, summary
from control.workers.room_info import RoomInfo
from shared.directory.directory import RoomEnd

ROOMS_IN_EVENT = 500  # of one event `rooms`, at most
NOTHING = RoomInfo()


def room_object(room: ClusterRoom, unix_time: float | None, info: RoomInfo) -> bytes:
    """A room as JSON; in detail where the present is given."""
    facts = summary(room.status) if unix_time is None else detail(room, unix_time, info)
    return compact_json({**facts, "live": room.status.has_publisher})


def missing_room(name: str, unix_time: float, info: RoomInfo = NOTHING, end: RoomEnd | None = None) -> bytes:
    """A room that does not exist."""
    return compact_json({**missing(name, info, end, unix_time), "live": False})


def room_event(room: bytes) -> bytes:
    return b"event: room\ndata: %b\n\n" % room


def rooms_event(
    rooms: Sequence[bytes], gone: Sequence[str] = (), *, first: bool = False, complete: bool = True
) -> bytes:
    """The event of `rooms`. `first`: the client forgets what it knows. `complete`: then it lacks nothing."""
    return b'event: rooms\ndata: {"rooms":[%b],"gone":%b,"first":%b,"complete":%b}\n\n' % (
        b",".join(rooms),
        compact_json(gone),
        compact_json(first),
        compact_json(complete),
    )
