"""Who tried to get in of late, for the metrics of both planes."""

from collections.abc import Collection, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.telemetry.recent_clients import RecentClients


class ClientsCollector(Collector):
    """`by_role` are pairs of a role and its clients.

    `outcomes` are the words for those that got in, and for those that did not.
    """

    def __init__(
        self,
        name: str,
        meaning: str,
        by_role: Collection[tuple[str, RecentClients]],
        outcomes: tuple[str, str],
    ) -> None:
        self._name = name
        self._meaning = meaning
        self._by_role = by_role
        self._outcomes = outcomes

    def collect(self) -> Iterator[GaugeMetricFamily]:
        metric = GaugeMetricFamily(self._name, self._meaning, labels=["role", "outcome"])
        for role, clients in self._by_role:
            for outcome, count in zip(self._outcomes, clients.counts(), strict=True):
                metric.add_metric([role, outcome], count)
        yield metric
