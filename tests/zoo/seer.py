"""What somebody would see of a line who knew its rate at each moment: nobody can see more for long.

A seer stops a picture when it does not fit, and takes the best one that fits, up or down. But it comes with a
keyframe, which has to be asked for, made and sent. Where a line changes faster than that, an audience cannot
want more.
"""

import math
from collections.abc import Sequence

from tests.support.line_shape import Shape
from tests.zoo.lines import fitting

CHANGE_SECONDS = 0.5  # two round trips of a line that is far, and the keyframe
_STEP_SECONDS = 0.02


def seer_sees(
    shapes: Sequence[tuple[float, Shape]], bitrates: Sequence[int], began: float, end: float
) -> tuple[float, float]:
    """The shares of the pictures, and of the bit rate of the best layer, of what fits at each moment."""
    frames = due = 0
    got = wanted = 0.0
    present = _fits(shapes, bitrates, began)
    target, comes_at = present, math.inf
    for step in range(int((end - began) / _STEP_SECONDS)):
        at = began + step * _STEP_SECONDS
        if at >= comes_at:
            present, comes_at = target, math.inf
        best = _fits(shapes, bitrates, at)
        if best != present:
            target, comes_at = best, min(comes_at, at + CHANGE_SECONDS)
        if best < len(bitrates):
            due, wanted = due + 1, wanted + bitrates[best]
            if best <= present < len(bitrates):
                frames, got = frames + 1, got + bitrates[present]
    return (frames / due, got / wanted) if due else (1.0, 1.0)


def _fits(shapes: Sequence[tuple[float, Shape]], bitrates: Sequence[int], at: float) -> int:
    """The best layer that fits then; beyond the last one: none."""
    shape = next(shape for begins_at, shape in reversed(shapes) if begins_at <= at)
    found = fitting(shape, bitrates, 1.0)
    return len(bitrates) if found is None else found
