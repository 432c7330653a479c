"""Messages about the still pictures of rooms."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from shared.messages.encoding import UnixTime

WIDTHS = (320, 640)  # pixels; a picture is at most so wide, and at most so high
MAX_STILL_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStill:
    """Get a room's latest picture, of one of `WIDTHS` -> `Still`, or NOT_FOUND."""

    room: str
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    jpeg: Annotated[bytes, Meta(max_length=MAX_STILL_BYTES)] = field(repr=False)
    taken_at: UnixTime
