"""How much of the worker is in use, and whether it takes more."""

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
        yield GaugeMetricFamily(
            "roomcast_load", "Share of a core used in the last second.", value=self._capacity.load
        )
        accepts = GaugeMetricFamily(
            "roomcast_accepts", "Whether somebody new is taken: 1 or 0.", labels=["role"]
        )
        accepts.add_metric([Role.PUBLISH], self._capacity.takes_publishers)
        accepts.add_metric([Role.PLAY], self._capacity.takes_viewers(self._rooms.viewer_count))
        yield accepts
