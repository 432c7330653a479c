"""How fast pictures are sent that do not keep the pace of their stream: keyframes alone, and a first picture.

Rates are in bit/s without sound; rungs are as in `media.line.rungs`, and `carries` is what the line carries.
"""

import math
from collections.abc import Sequence

_ALONE, _BEGINNING = 0.9, 0.95  # keyframes alone, and a first picture, get this share of what sound leaves
_WIDE = 4.0  # a line that carries this multiple of what the picture needs takes its keyframe at once
_MORE = 1.15  # a first picture gets at least this multiple of its need: it must reach the live edge


def of_keyframes(rungs: Sequence[float], carries: float, probed: float) -> float:
    """The rate of keyframes alone. They take the place of padding up to `probed`, with sound; 0: no probe."""
    sound = rungs[-1]
    return max(rungs[-2] - sound, (carries - sound) * _ALONE, probed - sound)


def of_beginning(rungs: Sequence[float], rung: int, carries: float) -> float:
    """The rate of a keyframe and what follows it, until the viewer is live; 0: at once.

    A keyframe that is sent at once fills the queue of a narrow line, which then drops a part of it.
    """
    if rungs[rung] == math.inf or carries > rungs[rung] * _WIDE:
        return 0.0
    return max((carries - rungs[-1]) * _BEGINNING, (rungs[rung] - rungs[-1]) * _MORE)
