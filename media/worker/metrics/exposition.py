"""Histograms as Prometheus' client wants them."""

from collections.abc import Mapping
from typing import TypeVar

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from media.counts import Histogram

T = TypeVar("T", bound=str)


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
