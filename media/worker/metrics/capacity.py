"""How much of the worker is in use: whether it accepts more, how late its event loop is."""

import asyncio
from collections.abc import Iterable
from time import monotonic

from prometheus_client.core import GaugeMetricFamily, Metric

from media.counts import Histogram
from media.worker.capacity import Capacity
from media.worker.media_plane import MediaPlane
from media.worker.metrics.exposition import single
from shared.messages.signalling import Role

LAG_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


def capacity_metrics(capacity: Capacity, plane: MediaPlane) -> Iterable[Metric]:
    load = capacity.load
    yield GaugeMetricFamily("roomcast_load_ratio", "Share of a core used in the last second.", value=load)
    if (egress := capacity.egress_share) is not None:
        yield GaugeMetricFamily(
            "roomcast_egress_ratio", "Used share of the bits that the worker may send.", value=egress
        )
    yield GaugeMetricFamily("roomcast_draining", "1 while the worker drains.", value=capacity.draining)
    accepts = GaugeMetricFamily(
        "roomcast_accepts",
        "1 if the worker accepts new publishers or viewers; 0 at its limit or while it drains.",
        labels=["role"],
    )
    accepts.add_metric([Role.PUBLISH], capacity.takes_publishers)
    accepts.add_metric([Role.PLAY], capacity.takes_viewers(plane.viewers_at(monotonic())))
    yield accepts


def event_loop_metrics(lag: Histogram) -> Iterable[Metric]:
    """A timer of the worker fills `lag` with how late it fired."""
    yield GaugeMetricFamily("roomcast_tasks", "Tasks in the event loop.", value=len(asyncio.all_tasks()))
    yield single(
        "roomcast_event_loop_lag_seconds",
        "How late a timer fires that runs once a second.",
        lag,
    )
