"""Events of rooms that wait for Redis, and those that waited in vain."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from media.rooms.chronicle import Chronicle


def event_metrics(chronicle: Chronicle) -> Iterable[Metric]:
    yield GaugeMetricFamily(
        "roomcast_events_waiting", "Events of rooms that wait for Redis.", value=len(chronicle)
    )
    yield CounterMetricFamily(
        "roomcast_events_dropped",
        "Events of rooms dropped because too many waited for Redis.",
        value=chronicle.dropped,
    )
