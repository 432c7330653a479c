"""All that a worker tells Prometheus, put together."""

from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from media.counts import Histogram
from media.recording.recorder import Recorder
from media.rooms.rooms import Rooms
from media.transport.udp import UdpPort
from media.worker.capacity import Capacity
from media.worker.metrics.capacity import CapacityCollector
from media.worker.metrics.event_loop import EventLoopCollector
from media.worker.metrics.recordings import RecorderCollector
from media.worker.metrics.relays import RelaysCollector
from media.worker.metrics.rooms import RoomsCollector
from media.worker.metrics.sessions import SessionsCollector
from media.worker.metrics.traffic import TrafficCollector


def new_registry(
    rooms: Rooms, port: UdpPort, capacity: Capacity, lag: Histogram, recorder: Recorder | None
) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(RoomsCollector(rooms))
    registry.register(RelaysCollector(rooms))
    registry.register(SessionsCollector(rooms))
    registry.register(TrafficCollector(rooms, port))
    registry.register(CapacityCollector(capacity, rooms))
    registry.register(EventLoopCollector(lag))
    if recorder is not None:
        registry.register(RecorderCollector(recorder))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
