"""The ways in which viewers may get a room's picture."""

from typing import NamedTuple


class Rendition(NamedTuple):
    """One of them: a track of the room as it is, or thinned out.

    `number` is its place in `Feed.sent`, `rid` that of its layer. `bitrate` is what it needs, in bit/s,
    without sound. A `slow` one is keyframes alone, sent at the pace that the line allows; its `bitrate` is
    for the slowest that is worth it.
    """

    number: int
    bitrate: float
    rid: str = ""
    slow: bool = False


class Ladder(NamedTuple):
    """All renditions of the picture, best first, and bit/s of the room's sound."""

    renditions: tuple[Rendition, ...]
    sound: float
    needs: tuple[float, ...]  # bit/s of each with the sound; last, the sound alone

    @classmethod
    def of(cls, renditions: tuple[Rendition, ...], sound: float) -> "Ladder":
        """With what each needs."""
        return cls(renditions, sound, (*(each.bitrate + sound for each in renditions), sound))
