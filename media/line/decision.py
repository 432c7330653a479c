"""What to send to a viewer."""

from typing import NamedTuple


class Decision(NamedTuple):
    """`rung` is an index of the rungs (`media.line.rungs`).

    With `pause` the present picture stops at once, and does not wait for the keyframe of the other one.
    `probe` is what to send in total, with padding, and with a packet of padding after each 0.5 s without a
    picture; `pace` is how fast keyframes alone may go; both in bit/s, 0: none. `start` is how fast a picture
    may begin, with its keyframe and what follows until it is live, in bit/s; 0: at once.
    """

    rung: int
    pause: bool
    probe: float
    pace: float
    start: float
