"""What happens in rooms, for other systems: docs/webhooks.md."""

from dataclasses import dataclass, field
from enum import StrEnum

from shared.messages.encoding import Count, UnixTime

MAX_TEXT = 500  # characters of a warning, and of each other text in an event


class EventType(StrEnum):
    ROOM_STARTED = "room.started"
    ROOM_ENDED = "room.ended"
    PUBLISHER_AWAY = "publisher.away"
    PUBLISHER_BACK = "publisher.back"
    PUBLISHER_SWITCHED = "publisher.switched"
    WARNING_RAISED = "warning.raised"
    WARNING_CLEARED = "warning.cleared"
    ROOM_CONFIGURED = "room.configured"
    RECORDING_STARTED = "recording.started"
    RECORDING_READY = "recording.ready"
    RECORDING_UPLOADED = "recording.uploaded"


Fact = str | int | float | bool | list[str] | dict[str, str] | list[dict[str, str | float]]
Facts = dict[str, Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomEvent:
    """One event. The same event has the same `id`, whoever tells it, and however often.

    A `broadcast` is one life of a room, and `number` counts its events from 1. The events of a recording
    come when its files are ready, perhaps after the broadcast: they have neither.
    """

    id: str
    type: EventType
    room: str
    at: UnixTime
    worker: str
    broadcast: str = ""
    number: Count = 0
    facts: Facts = field(default_factory=dict)


def event_id(broadcast: str, number: int) -> str:
    """The id of an event. `tell_events.lua` makes the same."""
    return f"{broadcast}-{number}"
