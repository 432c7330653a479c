"""The control plane's Prometheus metrics: of this process, and of the cluster as the directory shows it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from control.workers.cluster_rooms import cluster_rooms
from shared.bus import rpc_metrics
from shared.bus.clock_metrics import export_skew
from shared.bus.redis_clock import RedisClock
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus

_METHODS = {"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"}


class HttpMetrics:
    """Durations of this process's requests, by route template, method and status, and of its RPC calls."""

    def __init__(self, clock: RedisClock) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        export_skew(clock, self._registry)
        self._directory_age = Gauge(
            "roomcast_directory_age_seconds",
            "Time since the directory in Redis could last be read",
            registry=self._registry,
        )
        self.rpc_called = rpc_metrics.called(self._registry)
        self._seconds = Histogram(
            "roomcast_http_request_seconds",
            "Time to answer a request",
            ["route", "method", "status"],
            registry=self._registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
        )

    def follow_keys(self, age: Callable[[], float]) -> None:
        """Have a series of the age, in seconds, of the key set that is in use."""
        Gauge(
            "roomcast_key_set_age_seconds",
            "Time since the key set of JWT_JWKS_URL could last be fetched",
            registry=self._registry,
        ).set_function(age)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        # a client may invent methods, and each would be a new series
        self._seconds.labels(route, method if method in _METHODS else "other", status).observe(seconds)

    def exposition(self, directory_age: float) -> bytes:
        self._directory_age.set(directory_age)
        return generate_latest(self._registry)


class _Cluster:
    """A collector for one scrape of what the directory shows."""

    def __init__(self, workers: Iterable[WorkerStatus]) -> None:
        self._workers = list(workers)

    def collect(self) -> Iterator[Metric]:
        yield from self._rooms([room.status for room in cluster_rooms(self._workers)])
        states = Counter(worker.state for worker in self._workers)
        workers = GaugeMetricFamily("roomcast_workers", "Workers by state", labels=["state"])
        for state in WorkerState:
            workers.add_metric([state], states[state])
        yield workers

    def _rooms(self, rooms: Sequence[RoomStatus]) -> Iterator[Metric]:
        yield GaugeMetricFamily("live_rooms", "Rooms that exist", len(rooms))
        subscribers = GaugeMetricFamily("live_subscribers", "Viewers of a room", labels=["room"])
        # the library adds _total to the names of counters
        octets = CounterMetricFamily("live_rtp_bytes", "RTP bytes received from publishers", labels=["room"])
        packets = CounterMetricFamily(
            "live_rtp_packets", "RTP packets received from publishers", labels=["room"]
        )
        for room in rooms:
            subscribers.add_metric([room.name], room.subscribers)
            octets.add_metric([room.name], room.rx_bytes)
            packets.add_metric([room.name], room.rx_packets)
        yield from (subscribers, octets, packets)


def cluster_exposition(workers: Iterable[WorkerStatus]) -> bytes:
    """The series of rooms, added up over all workers, and the workers by state."""
    registry = CollectorRegistry()
    registry.register(_Cluster(workers))
    return generate_latest(registry)
