"""What a worker counts of all of its viewers, for its metrics."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class ViewerStats:
    """Plain counts, which only grow; and who is told how long, in seconds, a viewer waited for its picture.

    That is from its answer to the first packet of a keyframe.
    """

    first_picture: Callable[[float], None] = lambda _seconds: None

    nacks: int = 0  # packets that viewers asked for again
    retransmissions: int = 0
    retransmissions_refused: int = 0  # over a viewer's budget
    keyframe_requests: int = 0  # PLI and FIR of viewers
    join_bursts: int = 0  # viewers that began with pictures that were held
    rtcp_dropped: int = 0  # of viewers that send more than there is to say
