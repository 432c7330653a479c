"""Runs of one track that wait for one viewer, in order."""

from collections import deque

from media.rtp.run import Run, between


def insert(pending: deque[Run], run: Run) -> None:
    """Add a run in its place: it comes late if there are later ones."""
    place = len(pending)
    while place and pending[place - 1].first > run.first:
        place -= 1
    pending.insert(place, run)


def split(pending: deque[Run], credit: float, overhead: int) -> tuple[Run, int]:
    """Take the packets of the first run that go out while there is `credit` in bytes: one at least.

    Returns also what they cost: their payload, and the `overhead` of each.
    """
    run = pending[0]
    octets = run.octets + overhead * len(run)
    if octets > credit:
        octets, count = 0, 0
        for size in run.sizes():
            if octets >= credit and count:
                break
            octets += size + overhead
            count += 1
        if count < len(run):
            after = run.first + len(run)
            pending[0] = between(run, run.first + count, after)
            return between(run, run.first, run.first + count), octets
    pending.popleft()
    return run, octets
