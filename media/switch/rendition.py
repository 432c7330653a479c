"""The ways in which viewers may get a room's picture."""

import math
from typing import NamedTuple

# Bytes of each packet on a line besides its payload: IP and UDP 28, RTP 12, its extensions 8, SRTP's tag 16.
PACKET_OVERHEAD = 64


Size = tuple[int, int]  # width and height in pixels; in a limit 0 is none


def is_within(size: Size | None, most: Size) -> bool:
    return size is None or all(not limit or pixels <= limit for pixels, limit in zip(size, most, strict=True))


class Rendition(NamedTuple):
    """One of them: a track of the room as it is, or thinned out.

    `number` is its place in `Feed.sent`. `bitrate` is what it needs, in bit/s, without sound; infinite if it
    does not come. Keyframes alone go at the pace of the line: theirs is for the slowest that is worth it.
    """

    number: int
    bitrate: float


class Ladder(NamedTuple):
    """All renditions of the picture, best first, and bit/s of the room's sound with its headers."""

    renditions: tuple[Rendition, ...]
    sound: float
    needs: tuple[float, ...]  # bit/s of each with the sound; last, the sound alone
    rids: tuple[str, ...]  # of the layers, which are the first rungs
    first: int  # the best rung for who has no wish: better layers have too few pictures
    sizes: tuple[tuple[int, int] | None, ...] = ()  # width and height of the layers; None: not known yet

    @classmethod
    def of(
        cls,
        renditions: tuple[Rendition, ...],
        sound: float,
        rids: tuple[str, ...],
        first: int,
        sizes: tuple[tuple[int, int] | None, ...] = (),
    ) -> "Ladder":
        """With what each needs."""
        needs = (*(each.bitrate + sound for each in renditions), sound)
        return cls(renditions, sound, needs, rids, first, sizes)

    def layer_within(self, rid: str | None, most: Size) -> str | None:
        """The rid of the best layer up to `rid` (None: of all) that is no larger than `most`.

        None: there is no such limit. Where all are larger it is the lowest one. One whose size is not known
        yet may be within.
        """
        start = self.rids.index(rid) if rid in self.rids else 0
        fitting = (n for n, size in enumerate(self.sizes) if n >= start and is_within(size, most))
        rung = next(fitting, len(self.rids) - 1)
        return rid if rung == start else self.rids[rung]

    def best_from(self, rung: int) -> int:
        """The best rung from that one on that comes; the last one is the sound alone."""
        return next(n for n, need in enumerate(self.needs) if n >= rung and need < math.inf)

    @property
    def lowest_moving(self) -> int | None:
        """The least rendition with more than keyframes; None: none comes."""
        moving = (each.number for each in reversed(self.renditions[:-1]) if each.bitrate < math.inf)
        return next(moving, None)

    def number(self, rung: int) -> int | None:
        """The rendition of a rung; None for the sound alone."""
        return self.renditions[rung].number if rung < len(self.renditions) else None
