"""What the metrics of both planes say of a process: its versions, its log, its clock."""

import platform
from collections.abc import Callable
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily

from shared.telemetry.collected import Collected
from shared.telemetry.logging import dropped_lines


def export_process(registry: CollectorRegistry, skew: Callable[[], float]) -> None:
    """`skew`: seconds by which this host's clock is ahead of Redis'."""
    Gauge(
        "roomcast_build_info",
        "1, with the versions of Roomcast and of Python as labels",
        ["version", "python"],
        registry=registry,
    ).labels(version("roomcast"), platform.python_version()).set(1)
    Gauge(
        "roomcast_clock_skew_seconds",
        "How far this host's clock is ahead of Redis' clock",
        registry=registry,
    ).set_function(skew)
    registry.register(Collected(lambda: [_dropped_lines()]))


def _dropped_lines() -> CounterMetricFamily:
    return CounterMetricFamily(
        "roomcast_log_lines_dropped",
        "Lines of the log that were dropped, since nobody read it in time",
        value=dropped_lines(),
    )
