"""The event loop: how late its timers fire, and how many tasks it has."""

import asyncio
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.counts import Histogram
from media.worker.metrics.exposition import single

LAG_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class EventLoopCollector(Collector):
    """A timer of the worker fills `lag` with how late it fired."""

    def __init__(self, lag: Histogram) -> None:
        self._lag = lag

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("roomcast_tasks", "Tasks in the event loop.", value=len(asyncio.all_tasks()))
        yield single(
            "roomcast_event_loop_lag_seconds",
            "How late a timer fires that runs once a second.",
            self._lag,
        )
