"""Which version of Roomcast a process runs, for the metrics of both planes."""

import platform
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge


def export_build(registry: CollectorRegistry) -> None:
    Gauge(
        "roomcast_build_info",
        "1, with the versions of Roomcast and of Python as labels",
        ["version", "python"],
        registry=registry,
    ).labels(version("roomcast"), platform.python_version()).set(1)
