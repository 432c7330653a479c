"""What a process could not log, for the metrics of both planes."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from shared.telemetry.logging import dropped_lines


class _DroppedLines(Collector):
    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(
            "roomcast_log_lines_dropped",
            "Lines of the log that were dropped, since nobody read it in time",
            value=dropped_lines(),
        )


def export_dropped_lines(registry: CollectorRegistry) -> None:
    registry.register(_DroppedLines())
