"""How much of the worker is in use, and whether it accepts more."""

from collections.abc import Iterable
from time import monotonic

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.worker.capacity import Capacity
from media.worker.media_plane import MediaPlane
from shared.messages.signalling import Role


class CapacityCollector(Collector):
    def __init__(self, capacity: Capacity, plane: MediaPlane) -> None:
        self._capacity = capacity
        self._plane = plane

    def collect(self) -> Iterable[Metric]:
        load = self._capacity.load
        yield GaugeMetricFamily("roomcast_load_ratio", "Share of a core used in the last second.", value=load)
        yield GaugeMetricFamily("roomcast_load", "As roomcast_load_ratio; goes with 0.2.", value=load)
        yield GaugeMetricFamily(
            "roomcast_draining", "1 while the worker drains.", value=self._capacity.draining
        )
        accepts = GaugeMetricFamily(
            "roomcast_accepts",
            "1 if the worker accepts new publishers or viewers; 0 at its limit or while it drains.",
            labels=["role"],
        )
        accepts.add_metric([Role.PUBLISH], self._capacity.takes_publishers)
        accepts.add_metric([Role.PLAY], self._capacity.takes_viewers(self._plane.viewers_at(monotonic())))
        yield accepts
