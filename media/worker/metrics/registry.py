"""The registry of all metrics of a worker that its loop reads; `worker/http.py` has those of the process."""

from prometheus_client import CollectorRegistry

from media.counts import Histogram
from media.details.describer import Describer
from media.recording.recorder import Recorder
from media.rooms.chronicle import Chronicle
from media.stills.stills import Stills
from media.transport.ports import Ports
from media.worker.capacity import Capacity
from media.worker.media_plane import MediaPlane
from media.worker.metrics.capacity import CapacityCollector, EventLoopCollector
from media.worker.metrics.events import EventsCollector
from media.worker.metrics.ports import PublicAddressCollector, SocketsCollector, TcpCollector
from media.worker.metrics.recordings import RecorderCollector
from media.worker.metrics.relays import RelaysCollector
from media.worker.metrics.room_details import RoomDetailsCollector
from media.worker.metrics.rooms import RoomsCollector
from media.worker.metrics.sessions import SessionsCollector
from media.worker.metrics.stills import StillsCollector
from media.worker.metrics.traffic import TrafficCollector
from media.worker.public_address import PublicAddress
from shared.bus.redis_clock import RedisClock
from shared.settings.settings import Settings
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
    registry = CollectorRegistry()
    export_process(registry, clock.skew)
    registry.register(RoomsCollector(plane.rooms, settings.metrics_max_rooms))
    registry.register(RoomDetailsCollector(plane.rooms, settings.metrics_max_rooms))
    registry.register(RelaysCollector(plane.rooms, plane.origin, plane.ledger))
    registry.register(SessionsCollector(plane.roster, plane.ledger))
    registry.register(TrafficCollector(plane.rooms, plane.ledger, ports))
    registry.register(SocketsCollector(ports))
    registry.register(PublicAddressCollector(public))
    if ports.tcp is not None:
        registry.register(TcpCollector(ports.tcp))
    registry.register(CapacityCollector(capacity, plane))
    registry.register(EventLoopCollector(lag))
    registry.register(StillsCollector(stills, describer))
    registry.register(RecorderCollector(recorder))
    registry.register(EventsCollector(chronicle))
    return registry
