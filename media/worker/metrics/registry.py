"""The registry of all metrics of a worker that its loop reads; `worker/http.py` has those of the process."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from media.counts import Histogram
from media.details.describer import Describer
from media.recording.recorder import Recorder
from media.rooms.chronicle import Chronicle
from media.stills.stills import Stills
from media.transport.ports import Ports
from media.worker.capacity import Capacity
from media.worker.media_plane import MediaPlane
from media.worker.metrics.capacity import capacity_metrics, event_loop_metrics
from media.worker.metrics.events import event_metrics
from media.worker.metrics.ports import public_address_metrics, socket_metrics, tcp_metrics
from media.worker.metrics.recordings import recorder_metrics
from media.worker.metrics.relays import relay_metrics
from media.worker.metrics.room_details import room_detail_metrics
from media.worker.metrics.rooms import room_metrics
from media.worker.metrics.sessions import session_metrics
from media.worker.metrics.stills import still_metrics
from media.worker.metrics.traffic import traffic_metrics
from media.worker.public_address import PublicAddress
from shared.bus.redis_clock import RedisClock
from shared.settings.settings import Settings
from shared.telemetry.collected import Collected
from shared.telemetry.process_metrics import export_process


def new_registry(
    plane: MediaPlane,
    ports: Ports,
    public: PublicAddress,
    capacity: Capacity,
    lag: Histogram,
    recorder: Recorder,
    chronicle: Chronicle,
    stills: Stills,
    describer: Describer,
    clock: RedisClock,
    settings: Settings,
) -> CollectorRegistry:
    most = settings.metrics_max_rooms

    def metrics() -> Iterator[Metric]:
        yield from room_metrics(plane.rooms, most)
        yield from room_detail_metrics(plane.rooms, most)
        yield from relay_metrics(plane.rooms, plane.origin, plane.ledger)
        yield from session_metrics(plane.roster, plane.ledger)
        yield from traffic_metrics(plane.rooms, plane.ledger, ports)
        yield from socket_metrics(ports)
        yield from public_address_metrics(public)
        if ports.tcp is not None:
            yield from tcp_metrics(ports.tcp)
        yield from capacity_metrics(capacity, plane)
        yield from event_loop_metrics(lag)
        yield from still_metrics(stills, describer)
        yield from recorder_metrics(recorder)
        yield from event_metrics(chronicle)

    registry = CollectorRegistry()
    export_process(registry, clock.skew)
    registry.register(Collected(metrics))
    return registry
