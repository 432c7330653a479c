"""The ways in which viewers may get a room's picture."""

from typing import NamedTuple


class Rendition(NamedTuple):
    """One of them: a track of the room as it is, or thinned out.

    `number` is its place in `Feed.sent`. `bitrate` is what it needs, in bit/s, without sound. A `slow` one is
    keyframes alone, sent at the pace that the line allows; its `bitrate` is for the slowest that is worth it.
    """

    number: int
    bitrate: float
    slow: bool = False


class Ladder(NamedTuple):
    """All renditions of the picture, best first, and bit/s of the room's sound."""

    renditions: tuple[Rendition, ...]
    sound: float
    needs: tuple[float, ...]  # bit/s of each with the sound; last, the sound alone
    rids: tuple[str, ...] = ()  # of the layers, whether they come or not: those of the first rungs

    @classmethod
    def of(cls, renditions: tuple[Rendition, ...], sound: float, rids: tuple[str, ...] = ()) -> "Ladder":
        """With what each needs."""
        return cls(renditions, sound, (*(each.bitrate + sound for each in renditions), sound), rids)
