"""A histogram for the hot path: filled by one thread, so it needs no lock."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString

T = TypeVar("T", bound=str)


class Histogram:
    """Counts values in seconds by `bounds`, the upper ends of its buckets (inclusive, ascending)."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    @property
    def count(self) -> int:
        return sum(self._counts)

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as the exposition has them."""
        bounds = map(floatToGoString, (*self._bounds, float("inf")))
        return list(zip(bounds, map(float, accumulate(self._counts)), strict=True))

    @property
    def sum(self) -> float:
        return self._sum


def family(name: str, meaning: str, label: str, histograms: Mapping[T, Histogram]) -> HistogramMetricFamily:
    """Histograms of one name, told apart by the value of one label."""
    metric = HistogramMetricFamily(name, meaning, labels=[label])
    for value, histogram in histograms.items():
        metric.add_metric([value], histogram.buckets(), histogram.sum)
    return metric


def single(name: str, meaning: str, histogram: Histogram) -> HistogramMetricFamily:
    return HistogramMetricFamily(name, meaning, buckets=histogram.buckets(), sum_value=histogram.sum)
