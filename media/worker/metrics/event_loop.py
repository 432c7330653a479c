"""The event loop: how late it comes to what is due, and how many tasks it holds."""

import asyncio
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.counts import Histogram
from media.worker.metrics.exposition import single

LAG_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class EventLoopCollector(Collector):
    """`lag` is filled by a timer of the worker: the time by which it came too late."""

    def __init__(self, lag: Histogram) -> None:
        self._lag = lag

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("roomcast_tasks", "Tasks in the event loop.", value=len(asyncio.all_tasks()))
        yield single(
            "roomcast_event_loop_lag_seconds",
            "By how much a timer of the event loop, one a second, came late.",
            self._lag,
        )
