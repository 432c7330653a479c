"""The contract's four series. A room's series end with the room."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.rooms.rooms import Rooms


class RoomsCollector(Collector):
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def collect(self) -> Iterable[Metric]:
        statuses = self._rooms.statuses()
        owned = sum(not status.origin for status in statuses)  # a copy counts where it comes from
        yield GaugeMetricFamily("live_rooms", "Rooms of this worker.", value=owned)
        viewers = GaugeMetricFamily("live_subscribers", "Viewers of a room.", labels=["room"])
        # the library adds _total to the names of counters
        received = CounterMetricFamily(
            "live_rtp_bytes", "RTP bytes that publishers sent in.", labels=["room"]
        )
        packets = CounterMetricFamily(
            "live_rtp_packets", "RTP packets that publishers sent in.", labels=["room"]
        )
        for status in statuses:
            viewers.add_metric([status.name], status.subscribers)
            if status.origin:  # a copy: what its publisher sent in is counted there
                continue
            received.add_metric([status.name], status.rx_bytes)
            packets.add_metric([status.name], status.rx_packets)
        yield from (viewers, received, packets)
