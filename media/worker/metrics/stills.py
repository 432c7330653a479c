"""Still pictures: how many were made, how many keyframes gave none, and what that cost."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from media.stills.stills import Stills


class StillsCollector(Collector):
    def __init__(self, stills: Stills) -> None:
        self._stills = stills

    def collect(self) -> Iterable[Metric]:
        stills = self._stills
        yield CounterMetricFamily("roomcast_stills", "Still pictures made of rooms.", value=stills.made)
        yield CounterMetricFamily(
            "roomcast_still_failures",
            "Keyframes of which no still picture could be made.",
            value=stills.failed,
        )
        yield CounterMetricFamily(
            "roomcast_still_cpu_seconds",
            "CPU time of the process that decodes keyframes for still pictures.",
            value=stills.cpu_seconds,
        )
