"""What depacketizers give and files take."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class DepacketizeError(ValueError):
    """Payloads that are no frame of their codec."""


class Setup(NamedTuple):
    """What a container says about a video track up front. `parameters`: sequence header or parameter sets."""

    width: int
    height: int
    parameters: bytes = b""


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame as its codec's files hold it. `setup` is there on every keyframe, and on no other frame."""

    data: bytes
    setup: Setup | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame with its place in time: the room's timestamp, extended so that it never wraps."""

    timestamp: int
    data: bytes
    setup: Setup | None = None

    @property
    def keyframe(self) -> bool:
        return self.setup is not None


class Depacketizer(Protocol):
    """Makes one codec's frames of RTP payloads. Hostile payloads raise `DepacketizeError`, nothing else."""

    def starts(self, payload: bytes) -> bool:
        """Whether a frame certainly begins with this packet, whatever came before."""

    def picture(self, payloads: list[bytes]) -> Picture | None:
        """The frame of all payloads of one timestamp, in order and complete; None: nothing to show."""
