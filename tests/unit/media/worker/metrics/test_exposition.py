"""Histograms in the exposition: in the form that Prometheus requires."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from media.counts import Histogram
from media.worker.metrics.exposition import family, single
from shared.telemetry.collected import Collected
from tests.support.series import series_of


def exposed(metric: Metric) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    registry.register(Collected(lambda: [metric]))
    return series_of(text_string_to_metric_families(generate_latest(registry).decode()))


def test_prometheus_reads_what_is_exposed() -> None:
    histogram = Histogram((0.1,))
    histogram.observe(0.05)
    histogram.observe(2.0)
    assert exposed(single("lag_seconds", "Lag.", histogram)) == {
        ("lag_seconds_bucket", "0.1"): 1,
        ("lag_seconds_bucket", "+Inf"): 2,
        ("lag_seconds_count",): 2,
        ("lag_seconds_sum",): 2.05,
    }


def test_histograms_of_one_family_are_told_apart_by_their_label() -> None:
    first, second = Histogram((1.0,)), Histogram((1.0,))
    second.observe(0.5)
    series = exposed(family("step_seconds", "Step.", "step", {"a": first, "b": second}))
    assert series["step_seconds_count", "a"] == 0
    assert series["step_seconds_count", "b"] == 1
