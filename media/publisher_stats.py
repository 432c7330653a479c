"""What a worker counts of all that it says to its publishers, for its metrics."""

from dataclasses import dataclass


@dataclass(slots=True)
class PublisherStats:
    """Plain counts, which only grow."""

    nacks: int = 0  # packets that publishers were asked for again
    plis: int = 0
    firs: int = 0
