"""Which layers of a room's picture an edge wants: as it finds out, and as its origin remembers."""

import math
from collections.abc import Collection, Iterable, Mapping

from media.switch.feed import Feed

LINGER_SECONDS = 5.0  # a layer goes off so long after it was wanted last: viewers come back to it soon


class WantedLayers:
    """At the origin. `ssrcs` are the layers' on the relay, by their numbers in the room, best first.

    An edge that has said nothing yet wants the best one. `now` is in seconds of a steady clock.
    """

    def __init__(self, ssrcs: Mapping[int, int]) -> None:
        self._ssrcs = ssrcs
        self._until: dict[int, float] = dict.fromkeys(list(ssrcs)[:1], math.inf)
        self._is_told = False

    def heard(self, ssrcs: Collection[int], now: float) -> None:
        """Take which layers the edge wants."""
        if not self._is_told:
            self._is_told = True
            self._until.clear()
        for number, ssrc in self._ssrcs.items():
            if ssrc in ssrcs:
                self._until[number] = now + LINGER_SECONDS

    def at(self, now: float) -> set[int]:
        """The numbers of the layers that the edge is to get."""
        return {number for number, until in self._until.items() if now < until}


def watched(feed: Feed, layers: Iterable[int]) -> set[int]:
    """At the edge: the `layers` that a viewer gets or waits for; the best one while nobody is there."""
    if not feed.viewers:
        return set(list(layers)[:1])
    gets = {number for number, profiles in enumerate(feed.profiles) if profiles}
    waits = {number for number, sent in enumerate(feed.sent) if sent.awaiting_count}
    return {feed.base_of(number) for number in gets | waits} & set(layers)
