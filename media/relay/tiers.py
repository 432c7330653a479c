"""Which worker feeds which edge: a tree of two tiers. Does no I/O.

The origin (tier 0) has the publisher. It feeds edges of tier 1, and each of those may feed edges of tier 2,
which feed nobody. So a path is never longer, and no edge can come to feed itself. Only the origin decides who
feeds an edge: it alone knows all that it feeds.
"""

from collections.abc import Iterable

from media.relay.origin_relay import OriginRelay
from shared.messages.relays import OpenRelay

LAST_TIER = 2


def instead(fed: Iterable[OriginRelay], order: OpenRelay, most: int, now: float) -> OriginRelay | None:
    """The edge that shall feed the one that asks; None: the origin feeds it itself.

    The origin feeds `most` edges (0: any number), then sends each further one to the one that takes the most.
    It feeds more when none of them takes any; and always an edge that feeds others, or wants no other one.
    """
    heard = [each for each in fed if each.edge != order.edge and each.is_heard(now)]
    if not most or order.takes is None or order.feeds or len(heard) < most:
        return None
    able = [each for each in heard if each.takes and each.edge not in order.avoid]
    return min(able, key=lambda each: (-each.takes, each.edge), default=None)


def places(fed: Iterable[OriginRelay], most: int, now: float, besides: str = "") -> int:
    """How many edges a copy of the first tier would feed, beside those that it feeds.

    The edge `besides` does not count: it asks for its place again.
    """
    return max(0, most - sum(each.edge != besides and each.is_heard(now) for each in fed))
