"""What a track's files are made of."""

from dataclasses import dataclass

from media.payload.picture import Setup


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame with its place in time: the room's timestamp, extended so that it never wraps."""

    timestamp: int
    data: bytes
    setup: Setup | None = None

    @property
    def keyframe(self) -> bool:
        return self.setup is not None
