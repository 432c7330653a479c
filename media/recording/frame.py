"""What a track's files are made of."""

from dataclasses import dataclass
from typing import NamedTuple

from media.payload.picture import Order, Setup


class Wall(NamedTuple):
    """When a frame was taken, in seconds of its publisher's clock; `publisher` says of which one."""

    publisher: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame with its place in time: the room's timestamp, extended so that it never wraps.

    Frames of one `source` are as far apart as their timestamps say. Between two sources (publishers, layers,
    or what is before and after a jump or a pause) the timestamps tell at most when they arrived, and `wall`
    tells more, once the source has sent a report.
    """

    timestamp: int
    data: bytes
    setup: Setup | None = None
    order: Order | None = None
    source: tuple[int, ...] = ()
    wall: Wall | None = None

    @property
    def keyframe(self) -> bool:
        return self.setup is not None
