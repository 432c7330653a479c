"""Events of rooms that wait for Redis, and those that waited in vain."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.rooms.chronicle import Chronicle


class EventsCollector(Collector):
    def __init__(self, chronicle: Chronicle) -> None:
        self._chronicle = chronicle

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "roomcast_events_waiting", "Events of rooms that wait for Redis.", value=len(self._chronicle)
        )
        yield CounterMetricFamily(
            "roomcast_events_dropped",
            "Events of rooms dropped because too many waited for Redis.",
            value=self._chronicle.dropped,
        )
