"""What a worker counts of all of its viewers, for its metrics."""

from dataclasses import dataclass


@dataclass(slots=True)
class ViewerStats:
    """Plain counts, which only grow."""

    nacks: int = 0  # packets that viewers asked for again
    retransmissions: int = 0
    retransmissions_refused: int = 0  # over a viewer's budget
    keyframe_requests: int = 0  # PLI and FIR of viewers
    rtcp_dropped: int = 0  # of viewers that send more than there is to say
