"""The control plane's Prometheus metrics: of this process, and of the cluster as the directory shows it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client import Counter as PromCounter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.workers.room_list import RoomList
from control.workers.turns import in_chunks
from shared.bus.redis_clock import RedisClock
from shared.messages.signalling import Role
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.names import WorkerId
from shared.rpc import metrics as rpc_metrics
from shared.telemetry.collected import Collected
from shared.telemetry.memory_metrics import export_memory
from shared.telemetry.process_metrics import export_process
from shared.telemetry.recent_clients import RecentClients, clients_family

OFFERS = {"/api/whip/publish/{room}": Role.PUBLISH, "/api/whep/play/{room}": Role.PLAY}
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class HttpMetrics:
    """Durations of this process's requests, by route template, method and status, and of its RPC calls."""

    def __init__(self, clock: RedisClock) -> None:
        self.registry = CollectorRegistry()  # others add to it
        self.offers = self.errors = 0  # requests with an offer, and answers of 500 and above, since the start
        ProcessCollector(registry=self.registry)
        export_process(self.registry, clock.skew)
        export_memory(self.registry)
        self._directory_age = Gauge(
            "roomcast_directory_age_seconds",
            "Time since the directory in Redis could last be read",
            registry=self.registry,
        )
        self.rpc_called = rpc_metrics.called(self.registry)
        self._seconds = Histogram(
            "roomcast_http_request_seconds",
            "Time to answer a request",
            ["route", "method", "status"],
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
        )
        self._refused = PromCounter(
            "roomcast_offers_refused",
            "Offers that were refused, by the cause",
            ["role", "cause"],
            registry=self.registry,
        )
        self._unknown_proxies = PromCounter(
            "roomcast_offers_of_unknown_proxies",
            "Offers of a proxy that TRUSTED_PROXIES lacks",
            registry=self.registry,
        )
        self._joining = {role: RecentClients() for role in Role}
        self.registry.register(Collected(lambda: [self._joining_clients()]))

    def follow_keys(self, age: Callable[[], float]) -> None:
        """Add a series for the age, in seconds, of the key set in use."""
        Gauge(
            "roomcast_key_set_age_seconds",
            "Time since the key set of JWT_JWKS_URL could last be fetched",
            registry=self.registry,
        ).set_function(age)

    def export_certificate(self, begins_at: float, ends_at: float) -> None:
        """Add series for the Unix times from and to which the certificate in use is valid."""
        for word, at in (("begins", begins_at), ("ends", ends_at)):
            Gauge(
                f"roomcast_certificate_{word}_timestamp_seconds",
                f"When the validity of the certificate in use {word}, in Unix time",
                registry=self.registry,
            ).set(at)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        self.offers += method == "POST" and route in OFFERS
        self.errors += status >= 500
        # a client may invent methods, and each would be a new series
        self._seconds.labels(route, method if method in _METHODS else "other", status).observe(seconds)

    def offered(self, role: Role, status: int, cause: str, client: str, by_unknown_proxy: bool) -> None:
        """An offer was answered. `cause` is why it was refused, `client` who sent it."""
        if status >= 400 and cause:
            self._refused.labels(role, cause).inc()
        if by_unknown_proxy:
            self._unknown_proxies.inc()
        # what else is refused is no fault of ours: an empty room, a picture that the viewer cannot read
        if status == 201 or status in (401, 429) or status >= 500:
            self._joining[role].tried(client, got_in=status == 201)

    def _joining_clients(self) -> Metric:
        return clients_family(
            "roomcast_joining_clients",
            "Clients that sent an offer within five minutes, by the answer to the last one",
            self._joining.items(),
            ("answered", "refused"),
        )

    def exposition(self, directory_age: float) -> bytes:
        self._directory_age.set(directory_age)
        return generate_latest(self.registry)


# With more rooms, each control process leaves their series to the workers, which have them, too:
# 100,000 rooms would be 13 MB from each process at each scrape, and as many series once more.
MAX_ROOMS_WITH_SERIES = 1_000


async def cluster_exposition(
    workers: Iterable[WorkerStatus],
    lost: Collection[WorkerId],
    redis: Redis,
    rooms: RoomList,
    is_listed: Callable[[str], bool],
) -> bytes:
    """The series of the cluster.

    `lost` workers fell silent within the last minute. Rooms that are not listed have no series. Raises
    `NO_WORKER` when Redis does not answer in time.
    """
    registry = CollectorRegistry()
    states = Counter(worker.state for worker in workers)
    by_state = Gauge("roomcast_workers", "Workers by state", ["state"], registry=registry)
    for state in WorkerState:
        by_state.labels(state).set(states[state])

    def show(name: str, meaning: str, value: float) -> None:
        Gauge(name, meaning, registry=registry).set(value)

    show("roomcast_workers_lost", "Workers that fell silent within a minute, without leaving", len(lost))
    by_worker = Gauge("roomcast_worker_lost", "1 for each of them", ["worker"], registry=registry)
    for worker in lost:
        by_worker.labels(worker).set(1)
    if (memory := await _redis_memory(redis)) is not None:  # a full one refuses all writes: nobody can join
        used, limit = memory
        show("roomcast_redis_memory_bytes", "Memory that Redis has in use", used)
        show("roomcast_redis_memory_limit_bytes", "Its maxmemory, or without one its host's memory", limit)
    await rooms.catch_up()
    left_out = rooms.count if rooms.count > MAX_ROOMS_WITH_SERIES else 0
    show("live_rooms", "Rooms that exist", rooms.count)
    show("roomcast_rooms_without_series", "Rooms whose series are left to their workers' metrics", left_out)
    if not left_out:
        found: list[RoomStatus] = []
        async for some in in_chunks([*filter(is_listed, rooms.held_names())]):
            found += [room.status for name in some if (room := rooms.room(name)) is not None]
        registry.register(Collected(lambda: _of_rooms(found)))
    return generate_latest(registry)


async def _redis_memory(redis: Redis) -> tuple[int, int] | None:
    """Bytes in use, and `maxmemory`, or without that the host's; None: not known now."""
    try:
        info: dict[str, Any] = await redis.info("memory")
    except (RedisError, OSError):  # it is away, or our user may not ask
        return None
    used, limit = info.get("used_memory"), info.get("maxmemory") or info.get("total_system_memory")
    if not (isinstance(used, int) and isinstance(limit, int)):  # a service that is like Redis
        return None
    return used, limit


def _of_rooms(rooms: Iterable[RoomStatus]) -> Iterable[Metric]:
    """Series of rooms, added up over all workers."""
    viewers = GaugeMetricFamily("live_subscribers", "Viewers of a room", labels=["room"])
    octets = CounterMetricFamily("live_rtp_bytes", "RTP bytes received from publishers", labels=["room"])
    packets = CounterMetricFamily("live_rtp_packets", "RTP packets received from publishers", labels=["room"])
    for room in rooms:
        viewers.add_metric([room.name], room.subscribers)
        octets.add_metric([room.name], room.rx_bytes)
        packets.add_metric([room.name], room.rx_packets)
    return viewers, octets, packets
