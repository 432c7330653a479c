"""All that a worker tells Prometheus, put together."""

from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from media.capacity import Capacity
from media.metrics.capacity import CapacityCollector
from media.metrics.event_loop import EventLoopCollector
from media.metrics.histogram import Histogram
from media.metrics.relays import RelaysCollector
from media.metrics.rooms import RoomsCollector
from media.metrics.sessions import SessionsCollector
from media.metrics.traffic import TrafficCollector
from media.recording.metrics import RecorderCollector
from media.recording.recorder import Recorder
from media.rooms import Rooms
from media.udp import UdpPort


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
