"""What to send to a viewer."""

from typing import NamedTuple


class Decision(NamedTuple):
    """`rung` is an index of the rungs (`media.line.rungs`).

    With `pause` the present picture stops at once, before the keyframe of the other one has come. `probe` is
    the bit rate that padding fills up to; 0: no padding. `pace` is the bit rate of keyframes alone; 0: there
    are none. `start` is the bit rate at which a picture begins, until it is live; 0: at once.
    """

    rung: int
    pause: bool
    probe: float
    pace: float
    start: float
