"""Still pictures: how many there are, what gave none, and what that cost; recordings that were described."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, Metric

from media.details.describer import Describer
from media.stills.stills import Stills


def still_metrics(stills: Stills, describer: Describer) -> Iterable[Metric]:
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
        value=describer.described,
    )
