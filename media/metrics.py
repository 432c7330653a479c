"""What a worker tells Prometheus: the contract's four series, and what an operator looks at first."""

import asyncio
from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from media.rooms import Rooms
from media.udp import UdpPort


class RoomsCollector(Collector):
    """Reads the rooms when it is scraped, so that a room's series end with it."""

    def __init__(self, rooms: Rooms, port: UdpPort) -> None:
        self._rooms = rooms
        self._port = port

    def collect(self) -> Iterable[Metric]:
        statuses = self._rooms.statuses()
        yield GaugeMetricFamily("live_rooms", "Rooms with a publisher.", value=len(statuses))
        viewers = GaugeMetricFamily("live_subscribers", "Viewers of a room.", labels=["room"])
        received = CounterMetricFamily(
            "live_rtp_bytes", "RTP bytes that publishers sent in.", labels=["room"]
        )
        packets = CounterMetricFamily(
            "live_rtp_packets", "RTP packets that publishers sent in.", labels=["room"]
        )
        for status in statuses:
            viewers.add_metric([status.name], status.subscribers)
            received.add_metric([status.name], status.rx_bytes)
            packets.add_metric([status.name], status.rx_packets)
        yield from (viewers, received, packets)
        yield GaugeMetricFamily("roomcast_sessions", "Open sessions.", value=self._rooms.session_count)
        yield GaugeMetricFamily("roomcast_tasks", "Tasks in the event loop.", value=len(asyncio.all_tasks()))
        yield CounterMetricFamily(
            "roomcast_datagrams_dropped",
            "Datagrams that the socket did not take.",
            value=self._port.tx_dropped,
        )


def new_registry(rooms: Rooms, port: UdpPort) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(RoomsCollector(rooms, port))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
