"""The control plane's Prometheus metrics: its own HTTP series, and the rooms as the directory shows them."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from shared.messages import RoomStatus

_METHODS = {"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"}


class HttpMetrics:
    """Durations of requests, by route template, method and status."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "roomcast_http_request_seconds",
            "Time to answer a request",
            ["route", "method", "status"],
            registry=self._registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        # a client may invent methods, and every one would be a new series
        self._seconds.labels(route, method if method in _METHODS else "other", status).observe(seconds)

    def exposition(self) -> bytes:
        return generate_latest(self._registry)


class _Rooms:
    """A collector of one scrape: `rooms` as all workers together see them, by name."""

    def __init__(self, rooms: Iterable[RoomStatus]) -> None:
        self._rooms = list(rooms)

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("live_rooms", "Rooms that exist", len(self._rooms))
        subscribers = GaugeMetricFamily("live_subscribers", "Viewers of a room", labels=["room"])
        # the library adds _total to the names of counters
        octets = CounterMetricFamily("live_rtp_bytes", "RTP bytes that publishers sent in", labels=["room"])
        packets = CounterMetricFamily(
            "live_rtp_packets", "RTP packets that publishers sent in", labels=["room"]
        )
        for room in self._rooms:
            subscribers.add_metric([room.name], room.subscribers)
            octets.add_metric([room.name], room.rx_bytes)
            packets.add_metric([room.name], room.rx_packets)
        yield from (subscribers, octets, packets)


def rooms_exposition(rooms: Iterable[RoomStatus]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Rooms(rooms))
    return generate_latest(registry)
