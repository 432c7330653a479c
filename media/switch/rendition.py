"""The ways in which viewers may get a room's picture."""

import math
from typing import NamedTuple

# Bytes of each packet on a line besides its payload: IP and UDP 28, RTP 12, its extensions 8, SRTP's tag 16.
PACKET_OVERHEAD = 64


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

    @classmethod
    def of(
        cls, renditions: tuple[Rendition, ...], sound: float, rids: tuple[str, ...], first: int
    ) -> "Ladder":
        """With what each needs."""
        return cls(renditions, sound, (*(each.bitrate + sound for each in renditions), sound), rids, first)

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
