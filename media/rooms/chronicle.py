"""What happens in this worker's rooms, as events for other systems (docs/webhooks.md). Does no I/O.

Events wait here until the worker has told them. Nobody waits for that: when too many wait, the oldest are
dropped. A broadcast is one life of a room on its worker; copies of rooms have none, their origins tell.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from time import time

from media.rooms.policy import NOTHING_SET, Policy
from media.rooms.room import Room
from media.sessions.end_reason import EndReason
from shared.messages.events import MAX_TEXT, EventType, Fact, Facts, RoomEvent, event_id
from shared.names import RoomName, WorkerId

MAX_WAITING = 10_000  # events: an hour without Redis, when something happens three times a second


@dataclass(slots=True)
class _Broadcast:
    id: str
    room: Room
    number: int = 0  # of its latest event
    has_publisher: bool = True
    switches: int = 0
    warnings: tuple[str, ...] = ()


class Chronicle:
    """Keeps the events of a worker. `process` is different after each start of the worker.

    `wake` is called when an event waits. `unix_clock` is the same for all workers. `policy` is what holds in
    rooms.
    """

    def __init__(
        self,
        worker: WorkerId,
        process: str,
        wake: Callable[[], None],
        unix_clock: Callable[[], float] = time,
        policy: Policy = NOTHING_SET,
    ) -> None:
        self._policy = policy
        self._worker = worker
        self._process = process
        self._wake = wake
        self._unix_clock = unix_clock
        self._begun = 0
        self._broadcasts: dict[RoomName, _Broadcast] = {}
        self._waiting: deque[RoomEvent] = deque()
        self.dropped = 0

    # --- what waits

    def __len__(self) -> int:
        return len(self._waiting)

    def first(self, count: int) -> list[RoomEvent]:
        """The oldest events that wait."""
        return list(islice(self._waiting, count))

    def told(self, events: Sequence[RoomEvent]) -> None:
        """Forget the oldest events, which were told, unless some of them have been dropped meanwhile."""
        for event in events:
            if self._waiting and self._waiting[0] is event:
                self._waiting.popleft()

    def broadcasts(self) -> dict[RoomName, str]:
        """The broadcasts that are under way."""
        return {name: broadcast.id for name, broadcast in self._broadcasts.items()}

    def begin_anew(self, name: RoomName, broadcast_id: str) -> None:
        """Others have ended this broadcast, but its room is here: tell it as a new one."""
        broadcast = self._broadcasts.get(name)
        if broadcast is not None and broadcast.id == broadcast_id:
            self._begin(broadcast.room)

    # --- what happens

    def opened(self, room: Room) -> None:
        """A room has opened, or another source has taken it over."""
        if room.origin is not None:
            return
        known = self._broadcasts.get(room.name)
        if known is None or known.room is not room:
            self._begin(room)
        else:
            self.look(room)

    def look(self, room: Room) -> None:
        """See what has changed in a room. Called several times a second."""
        broadcast = self._broadcasts.get(room.name)
        if broadcast is None or broadcast.room is not room:
            return
        if room.has_publisher != broadcast.has_publisher:
            broadcast.has_publisher = room.has_publisher
            self._tell(
                broadcast, EventType.PUBLISHER_BACK if room.has_publisher else EventType.PUBLISHER_AWAY
            )
        if room.standbys.switches != broadcast.switches:
            broadcast.switches = room.standbys.switches
            self._tell(
                broadcast,
                EventType.PUBLISHER_SWITCHED,
                standby=room.standby_is_on,
                standbys=len(room.standbys),
            )
        if room.warnings.texts is not broadcast.warnings:
            before, broadcast.warnings = broadcast.warnings, room.warnings.texts
            warnings = broadcast.warnings
            for text in before:
                if text not in warnings:
                    self._tell(broadcast, EventType.WARNING_CLEARED, warning=text[:MAX_TEXT])
            for text in warnings:
                if text not in before:
                    self._tell(broadcast, EventType.WARNING_RAISED, warning=text[:MAX_TEXT])

    def ended(self, room: Room, reason: EndReason, seconds: float) -> None:
        """A room is about to end that has lived for so many seconds."""
        broadcast = self._broadcasts.get(room.name)
        if broadcast is not None and broadcast.room is room:
            del self._broadcasts[room.name]
            self._tell(broadcast, EventType.ROOM_ENDED, reason=reason.name.lower(), seconds=round(seconds, 3))

    def recorded(self, type_: EventType, room: RoomName, name: str, facts: Facts) -> None:
        """A recording has begun, is ready, or is in the store. A name says which: it is never used twice."""
        kind = type_.rpartition(".")[2]
        self._add(
            RoomEvent(
                id=f"{name.replace('.', '-')}-{kind}",  # a signature joins ids and more by dots
                type=type_,
                room=room,
                at=self._unix_clock(),
                worker=self._worker,
                facts={"name": name, **facts},
            )
        )

    def _begin(self, room: Room) -> None:
        self._begun += 1
        broadcast = self._broadcasts[room.name] = _Broadcast(
            f"{self._process}-{self._begun}", room, switches=room.standbys.switches
        )
        codecs = list(dict.fromkeys(track.published.codec.name for track in room.tracks))
        facts: Facts = {"codecs": codecs, "started_at": round(room.started_at, 3)}
        own = self._policy.set_for(room.name)
        if own.title:
            facts["title"] = own.title
        if own.labels:
            facts["labels"] = own.labels
        self._tell(broadcast, EventType.ROOM_STARTED, **facts)
        self.look(room)

    def _tell(self, broadcast: _Broadcast, type_: EventType, **facts: Fact) -> None:
        broadcast.number += 1
        self._add(
            RoomEvent(
                id=event_id(broadcast.id, broadcast.number),
                type=type_,
                room=broadcast.room.name,
                at=self._unix_clock(),
                worker=self._worker,
                broadcast=broadcast.id,
                number=broadcast.number,
                facts=facts,
            )
        )

    def _add(self, event: RoomEvent) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(event)
        self._wake()
