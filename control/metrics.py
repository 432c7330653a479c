"""The control plane's Prometheus metrics: of this process, and of the cluster as the directory shows it."""

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client import Counter as PromCounter
from prometheus_client.process_collector import ProcessCollector

from control.workers.room_list import RoomList
from shared.bus.redis_clock import RedisClock
from shared.messages.signalling import Role
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.rpc import metrics as rpc_metrics
from shared.telemetry.memory_metrics import export_memory
from shared.telemetry.process_metrics import export_process
from shared.telemetry.recent_clients import ClientsCollector, RecentClients

OFFERS = {"/api/whip/publish/{room}": Role.PUBLISH, "/api/whep/play/{room}": Role.PLAY}
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class HttpMetrics:
    """Durations of this process's requests, by route template, method and status, and of its RPC calls."""

    def __init__(self, clock: RedisClock) -> None:
        self._registry = self.registry = CollectorRegistry()  # others add to it
        self.offers = self.errors = 0  # requests with an offer, and answers of 500 and above, since the start
        ProcessCollector(registry=self._registry)
        export_process(self._registry, clock.skew)
        export_memory(self._registry)
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
        self._refused = PromCounter(
            "roomcast_offers_refused",
            "Offers that were refused, by the cause",
            ["role", "cause"],
            registry=self._registry,
        )
        self._unknown_proxies = PromCounter(
            "roomcast_offers_of_unknown_proxies",
            "Offers of a proxy that TRUSTED_PROXIES lacks",
            registry=self._registry,
        )
        self._joining = {role: RecentClients() for role in Role}
        self._registry.register(
            ClientsCollector(
                "roomcast_joining_clients",
                "Clients that sent an offer within five minutes, by the answer to the last one",
                self._joining.items(),
                ("answered", "refused"),
            )
        )

    def follow_keys(self, age: Callable[[], float]) -> None:
        """Add a series for the age, in seconds, of the key set in use."""
        Gauge(
            "roomcast_key_set_age_seconds",
            "Time since the key set of JWT_JWKS_URL could last be fetched",
            registry=self._registry,
        ).set_function(age)

    def export_certificate(self, begins_at: float, ends_at: float) -> None:
        """Add series for the Unix times from and to which the certificate in use is valid."""
        for word, at in (("begins", begins_at), ("ends", ends_at)):
            Gauge(
                f"roomcast_certificate_{word}_timestamp_seconds",
                f"When the validity of the certificate in use {word}, in Unix time",
                registry=self._registry,
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

    def exposition(self, directory_age: float) -> bytes:
        self._directory_age.set(directory_age)
        return generate_latest(self._registry)


def workers_exposition(workers: Iterable[WorkerStatus], lost: int) -> bytes:
    """The workers by state, and how many were lost within the last minute."""
    states = Counter(worker.state for worker in workers)
    registry = CollectorRegistry()
    gauge = Gauge("roomcast_workers", "Workers by state", ["state"], registry=registry)
    for state in WorkerState:
        gauge.labels(state).set(states[state])
    Gauge(
        "roomcast_workers_lost",
        "Workers that fell silent within a minute, without leaving",
        registry=registry,
    ).set(lost)
    return generate_latest(registry)


def redis_exposition(used: int, limit: int) -> bytes:
    """Bytes that Redis has in use, and those that it may use."""
    registry = CollectorRegistry()
    for name, meaning, value in (
        ("roomcast_redis_memory_bytes", "Memory that Redis has in use", used),
        ("roomcast_redis_memory_limit_bytes", "Its maxmemory, or without one its host's memory", limit),
    ):
        Gauge(name, meaning, registry=registry).set(value)
    return generate_latest(registry)


# Name, type, meaning, and the value of a room's sample.
_OF_ROOMS: tuple[tuple[str, str, str, Callable[[RoomStatus], int]], ...] = (
    ("live_subscribers", "gauge", "Viewers of a room", lambda room: room.subscribers),
    (
        "live_rtp_bytes_total",
        "counter",
        "RTP bytes received from publishers",
        lambda room: room.rx_bytes,
    ),
    (
        "live_rtp_packets_total",
        "counter",
        "RTP packets received from publishers",
        lambda room: room.rx_packets,
    ),
)


# With more rooms, each control process leaves their series to the workers, which have them, too:
# 100,000 rooms would be 13 MB from each process at each scrape, and as many series once more.
MAX_ROOMS_WITH_SERIES = 1_000


async def rooms_exposition(rooms: RoomList, is_listed: Callable[[str], bool]) -> list[bytes]:
    """The series of rooms, added up over all workers, in pieces. Rooms that are not listed have none.

    Raises `NO_WORKER` when Redis does not answer in time.
    """
    names: list[str] = []
    if rooms.count <= MAX_ROOMS_WITH_SERIES:
        # a process that has just begun has not read them all, and counts them anew now
        names = await rooms.names(limit=MAX_ROOMS_WITH_SERIES + 1)
    if rooms.count > MAX_ROOMS_WITH_SERIES:
        return [_head(rooms.count, rooms.count)]
    families: list[list[bytes]] = [
        [f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n".encode()] for name, kind, meaning, _ in _OF_ROOMS
    ]
    count = 0
    async for some in rooms.in_chunks(names):
        found = [(name, room.status) for name in some if (room := rooms.room(name)) is not None]
        count += len(found)
        found = [(name, status) for name, status in found if is_listed(name)]
        for pieces, (name, _, _, value) in zip(families, _OF_ROOMS, strict=True):
            lines = (f'{name}{{room="{room}"}} {float(value(status))}\n' for room, status in found)
            pieces.append("".join(lines).encode())
    return [_head(count, 0), *(piece for pieces in families for piece in pieces)]


def _head(rooms: int, left_out: int) -> bytes:
    return (
        f"# HELP live_rooms Rooms that exist\n# TYPE live_rooms gauge\nlive_rooms {float(rooms)}\n"
        "# HELP roomcast_rooms_without_series Rooms whose series are left to their workers' metrics\n"
        "# TYPE roomcast_rooms_without_series gauge\n"
        f"roomcast_rooms_without_series {float(left_out)}\n"
    ).encode()
