"""The rungs of a ladder: what each rendition needs in bit/s with sound, best first.

A rendition that is missing, or that the viewer does not want, needs infinitely much. Layers come first; the
last three rungs are the lowest temporal layer of the lowest layer, its keyframes alone, at their slowest, and
the sound alone.
"""

import math
from collections.abc import Sequence

_SURE = 1.3  # the line must carry this multiple of keyframes alone: they come in bursts


def top(rungs: Sequence[float]) -> int:
    """The best rung that is there."""
    return next(n for n, need in enumerate(rungs) if need < math.inf)


def last_moving(rungs: Sequence[float]) -> int:
    """The lowest rung with a moving picture; if there is none, a number behind all rungs."""
    return next((n for n in range(len(rungs) - 3, -1, -1) if rungs[n] < math.inf), len(rungs))


def next_better(rungs: Sequence[float], rung: int) -> int:
    """The lowest rung that is better than `rung`. There must be one."""
    return max(n for n in range(rung) if rungs[n] < math.inf)


def is_slow(rungs: Sequence[float], rung: int) -> bool:
    """Whether `rung` is keyframes alone."""
    return rung == len(rungs) - 2


def needed(rungs: Sequence[float], rung: int) -> float:
    """What the line must carry for `rung`, in bit/s."""
    return rungs[rung] * (_SURE if is_slow(rungs, rung) else 1.0)


def fitting(rungs: Sequence[float], carries: float) -> int:
    """The best rung for a line that carries `carries` bit/s; the sound alone, if nothing else fits."""
    fits = (n for n in range(len(rungs) - 1) if needed(rungs, n) <= carries and rungs[n] < math.inf)
    return next(fits, len(rungs) - 1)
