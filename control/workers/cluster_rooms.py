"""A room of the whole cluster, put together from what its workers say. Does no I/O."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from shared.messages.status import LayerStatus, RoomStatus


@dataclass(frozen=True, slots=True)
class Copy:
    """A room at an edge, which gets it from the worker `origin`; `tier` relays are before it."""

    worker: str
    origin: str
    tier: int
    subscribers: int
    delay: float = 0.0  # seconds from the capture of its media to this worker; 0: not known


@dataclass(frozen=True, slots=True)
class ClusterRoom:
    """`status` adds up the statuses of the workers that hold the room."""

    status: RoomStatus
    workers: tuple[str, ...]
    copies: tuple[Copy, ...] = ()  # nearest to the publisher first

    def delay(self, worker: str) -> float | None:
        """Seconds from the capture of its media to that worker; None: not known."""
        copy = next((copy for copy in self.copies if copy.worker == worker), None)
        return (self.status.delay if copy is None else copy.delay) or None


def cluster_room(name: str, parts: Sequence[tuple[str, RoomStatus]]) -> ClusterRoom | None:
    """One room from what each of its workers says; None if there is none."""
    if not parts:
        return None
    if len(parts) == 1 and not parts[0][1].origin and parts[0][1].name == name:
        return ClusterRoom(parts[0][1], (parts[0][0],))
    return _merge(name, _with_one_home(parts))


def _with_one_home(parts: Sequence[tuple[str, RoomStatus]]) -> list[tuple[str, RoomStatus]]:
    """The statuses, with the latest one only of those that say that they have the publisher.

    Only one worker can hold the room's claim. The others were killed, or have lost their claim: a heartbeat
    outlives a claim by a second.
    """
    homes = [room for _, room in parts if not room.origin]
    latest = max(homes, key=lambda room: room.started_at, default=None)
    return [(worker, room) for worker, room in parts if room.origin or room is latest]


def _merge(name: str, parts: list[tuple[str, RoomStatus]]) -> ClusterRoom:
    rooms = [room for _, room in parts]
    home = max(rooms, key=lambda room: (room.has_publisher, not room.origin))  # the others are copies of it
    return ClusterRoom(
        replace(
            home,
            name=name,
            subscribers=sum(room.subscribers for room in rooms),
            rx_bytes=sum(room.rx_bytes for room in rooms),
            rx_packets=sum(room.rx_packets for room in rooms),
            # copies tell only of their viewers; of many workers each may tell the same
            warnings=tuple(dict.fromkeys(chain(home.warnings, *(room.warnings for room in rooms)))),
            layers=_layers(home, rooms),
            viewers_by_reason=_viewers_by_reason(rooms),
            origin="",
            tier=0,
        ),
        tuple(sorted(worker for worker, _ in parts)),
        _copies(parts),
    )


def _copies(parts: Sequence[tuple[str, RoomStatus]]) -> tuple[Copy, ...]:
    copies = [
        Copy(worker, room.origin, room.tier, room.subscribers, room.delay)
        for worker, room in parts
        if room.origin
    ]
    return tuple(sorted(copies, key=lambda copy: (copy.tier, copy.worker)))


def _layers(home: RoomStatus, rooms: Sequence[RoomStatus]) -> tuple[LayerStatus, ...]:
    """The layers as they come from the publisher, with the viewers of all workers."""
    viewers: Counter[str] = Counter()
    for room in rooms:
        for layer in room.layers:
            viewers[layer.rid] += layer.viewers
    return tuple(replace(layer, viewers=viewers[layer.rid]) for layer in home.layers)


def _viewers_by_reason(rooms: Sequence[RoomStatus]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for room in rooms:
        total.update(room.viewers_by_reason)
    return dict(sorted(total.items()))
