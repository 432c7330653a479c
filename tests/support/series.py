"""What metrics say."""

from collections.abc import Iterable

from prometheus_client.core import Metric


def series_of(metrics: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    """Values by the series' names and their labels' values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in metrics
        for sample in metric.samples
    }
