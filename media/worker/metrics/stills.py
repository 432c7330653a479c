"""Still pictures: how many there are, what gave none, and what that cost; recordings that were described."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from media.details.describer import Describer
from media.stills.stills import Stills


class StillsCollector(Collector):
    def __init__(self, stills: Stills, describer: Describer) -> None:
        self._stills = stills
        self._describer = describer

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
        yield CounterMetricFamily(
            "roomcast_recordings_described",
            "Recordings whose length, size and picture were read from their files.",
            value=self._describer.described,
        )
