"""What a codec's depacketizer makes of RTP payloads."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class DepacketizeError(ValueError):
    """The payloads are not a frame of their codec."""


class Setup(NamedTuple):
    """What a container says about a video track up front.

    `parameters`: sequence header, or parameter sets, of H.264 without ids. Two that differ are two streams.
    """

    width: int
    height: int
    parameters: bytes = b""


class Order(NamedTuple):
    """Pictures are shown in the order of `place`; at most `reordered` come before one that is shown earlier.

    `reordered` is None where the stream does not say.
    """

    place: tuple[int, int]
    reordered: int | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame as its codec's files hold it. Keyframes have a `setup`, other frames have none.

    Without an `order` it is shown as it comes.
    """

    data: bytes
    setup: Setup | None = None
    order: Order | None = None


class Depacketizer(Protocol):
    """Makes one codec's frames of RTP payloads. Hostile payloads raise `DepacketizeError`, nothing else."""

    def starts(self, payload: bytes) -> bool:
        """Whether a frame certainly begins with this packet, whatever came before. Never raises."""

    def picture(self, payloads: list[bytes]) -> Picture | None:
        """The frame of all payloads of one timestamp, in order and complete; None: nothing to show."""
