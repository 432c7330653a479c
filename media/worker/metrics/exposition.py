"""What its client wants of metrics: a collector, and histograms in its form."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from media.counts import Histogram

T = TypeVar("T", bound=str)


class Collected(Collector):
    """Collects what a function returns."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()


def family(name: str, meaning: str, label: str, histograms: Mapping[T, Histogram]) -> HistogramMetricFamily:
    """Histograms of one name, one for each value of `label`."""
    metric = HistogramMetricFamily(name, meaning, labels=[label])
    for value, histogram in histograms.items():
        metric.add_metric([value], _buckets(histogram), histogram.sum)
    return metric


def single(name: str, meaning: str, histogram: Histogram) -> HistogramMetricFamily:
    return HistogramMetricFamily(name, meaning, buckets=_buckets(histogram), sum_value=histogram.sum)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds, counts = zip(*histogram.buckets(), strict=True)
    return list(zip(map(floatToGoString, bounds), map(float, counts), strict=True))
