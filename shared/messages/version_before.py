"""What the version before wrote and read otherwise. The next version drops this file and its uses.

Its workers wrote their rooms into their statuses, and its control processes look for them there. Those of
bd7d3b1 had offers and fragments as text; later ones had them parsed, as they are now.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar, cast

from shared.messages.status import RoomStatus, WorkerStatus

M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWithRooms(WorkerStatus):
    rooms: tuple[RoomStatus, ...] = ()


def with_rooms(status: WorkerStatus, rooms: tuple[RoomStatus, ...]) -> StatusWithRooms:
    own = {field.name: getattr(status, field.name) for field in fields(status)}
    return StatusWithRooms(**own, rooms=rooms)


class WithText(bytes):
    """A parsed offer or fragment that remembers its `text`. Only the bytes are sent."""

    text: str


def with_text(parsed: bytes, text: str) -> WithText:
    remembers = WithText(parsed)
    remembers.text = text
    return remembers


def as_text(message: M) -> M:
    """The message with its offer or fragment as text."""
    for name in ("offer", "fragment"):
        if isinstance(value := getattr(message, name, None), WithText):
            return cast(M, replace(cast(Any, message), **{name: value.text.encode()}))
    return message
