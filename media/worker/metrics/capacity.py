"""How much of the worker is in use, and whether it accepts more."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.rooms.rooms import Rooms
from media.worker.capacity import Capacity
from shared.messages.signalling import Role


class CapacityCollector(Collector):
    def __init__(self, capacity: Capacity, rooms: Rooms) -> None:
        self._capacity = capacity
        self._rooms = rooms

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
        accepts.add_metric([Role.PLAY], self._capacity.takes_viewers(self._rooms.viewer_count))
        yield accepts
