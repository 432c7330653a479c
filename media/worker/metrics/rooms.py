"""The four `live_*` series. Those with a room's name end with the room."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.rooms.rooms import Rooms


class RoomsCollector(Collector):
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def collect(self) -> Iterable[Metric]:
        statuses = self._rooms.statuses()
        owned = sum(not status.origin for status in statuses)  # a copy is counted at its origin
        yield GaugeMetricFamily(
            "live_rooms",
            "Rooms whose publisher is on this worker, or has gone and may still come back.",
            value=owned,
        )
        viewers = GaugeMetricFamily("live_subscribers", "Viewers of a room on this worker.", labels=["room"])
        # the library adds _total to the names of counters
        received = CounterMetricFamily(
            "live_rtp_bytes", "RTP bytes received from the room's publishers.", labels=["room"]
        )
        packets = CounterMetricFamily(
            "live_rtp_packets", "RTP packets received from the room's publishers.", labels=["room"]
        )
        for status in statuses:
            viewers.add_metric([status.name], status.subscribers)
            if status.origin:  # a copy: its origin counts what the publisher sends
                continue
            received.add_metric([status.name], status.rx_bytes)
            packets.add_metric([status.name], status.rx_packets)
        yield from (viewers, received, packets)
