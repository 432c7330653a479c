"""What a publisher's sender report says of a track: to compare the clocks of its tracks with each other."""

from typing import NamedTuple


class SourceReport(NamedTuple):
    """The publisher's clock was at `ntp` when the track's media was at `timestamp`.

    `publisher` tells one publisher's clock from the next one's. `ntp` is in seconds. `timestamp` is the
    room's, in 32 bits; it is `translation` later than the publisher's own (modulo 32 bits), which tells one
    source of the track from the next.
    """

    publisher: int
    ntp: float
    timestamp: int
    translation: int
