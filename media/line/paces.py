"""How fast pictures go that do not keep the pace of their stream: keyframes alone, and a picture that begins.

In bit/s without sound; rungs are as in `media.line.rungs`, and `carries` is what the line carries.
"""

import math
from collections.abc import Sequence

_ALONE, _BEGINNING = 0.9, 0.95  # of what sound leaves
_WIDE = 4.0  # times what the picture needs
_MORE = 1.15  # times what the picture needs: it must reach the live edge, with the overhead of packets


def of_keyframes(rungs: Sequence[float], carries: float, probed: float) -> float:
    """Keyframes alone. Rather than padding they have what is `probed`, with sound; 0: nothing is."""
    sound = rungs[-1]
    return max(rungs[-2] - sound, (carries - sound) * _ALONE, probed - sound)


def of_beginning(rungs: Sequence[float], rung: int, carries: float) -> float:
    """A keyframe and what follows it, until that is live; 0: at once.

    At once a keyframe fills the queue of a narrow line, and is lost for that; a wide one takes it.
    """
    if rungs[rung] == math.inf or carries > rungs[rung] * _WIDE:
        return 0.0
    return max((carries - rungs[-1]) * _BEGINNING, (rungs[rung] - rungs[-1]) * _MORE)
