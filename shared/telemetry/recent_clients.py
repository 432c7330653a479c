"""Who tried to get in of late: each client once, by how its last try ended.

Tries say little: one that is refused tries again and again, and hides, or looks like, many who get in. So an
alert about what people meet counts clients.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from time import monotonic
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily

RECENT_SECONDS = 300.0
# Who has only failed for so long is not counted any more: a forgotten device with an old token says nothing
# of this hour, and an outage has been told by then.
HOPELESS_SECONDS = 3600.0
MOST = 4_000  # the latest stand for all: to count them takes half a millisecond


class _Try(NamedTuple):
    at: float
    failing_since: float | None  # None: it got in


class RecentClients:
    """A client is an IPv4 address or an IPv6 /64. `clock`: a steady one, in seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._last: OrderedDict[str, _Try] = OrderedDict()  # the oldest first

    def tried(self, client: str, *, got_in: bool) -> None:
        """Note how a try ended. Nothing is known of the client ""."""
        if not client:
            return
        now = self._clock()
        before = self._last.pop(client, None)
        since = None if got_in else now
        if not got_in and before is not None and before.failing_since is not None:
            since = before.failing_since
        self._last[client] = _Try(now, since)
        self._forget(now)

    def counts(self) -> tuple[int, int]:
        """How many clients got in, and how many did not."""
        now = self._clock()
        self._forget(now)
        got_in = sum(each.failing_since is None for each in self._last.values())
        failed = sum(
            each.failing_since is not None and now - each.failing_since < HOPELESS_SECONDS
            for each in self._last.values()
        )
        return got_in, failed

    def _forget(self, now: float) -> None:
        while self._last:
            oldest = next(iter(self._last))
            if len(self._last) <= MOST and now - self._last[oldest].at < RECENT_SECONDS:
                return
            del self._last[oldest]


def clients_family(
    name: str, meaning: str, by_role: Iterable[tuple[str, RecentClients]], outcomes: tuple[str, str]
) -> GaugeMetricFamily:
    """How many clients there are of each role.

    `outcomes` are the words for those that got in, and for those that did not.
    """
    metric = GaugeMetricFamily(name, meaning, labels=["role", "outcome"])
    for role, clients in by_role:
        for outcome, count in zip(outcomes, clients.counts(), strict=True):
            metric.add_metric([role, outcome], count)
    return metric
