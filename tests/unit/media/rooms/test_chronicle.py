"""What is told of a worker's rooms."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from media.rooms import chronicle as module
from media.rooms.chronicle import Chronicle
from media.rooms.policy import Policy
from media.rooms.standbys import Standbys
from media.rooms.warnings import RoomWarnings
from media.sessions.end_reason import EndReason
from shared.messages.events import EventType
from shared.messages.room_settings import RoomSettings
from shared.names import RoomName, WorkerId

NAME = RoomName("demo")


@dataclass
class StandIn:
    """What a chronicle sees of a room."""

    name: RoomName = NAME
    origin: WorkerId | None = None
    has_publisher: bool = True
    warnings: RoomWarnings = field(default_factory=lambda: RoomWarnings(NAME))
    started_at: float = 90.0
    tracks: tuple[Any, ...] = ()
    standby_is_on: bool = False
    standbys: Standbys = field(default_factory=Standbys)


class Told:
    def __init__(self) -> None:
        self.woken = 0
        self.chronicle = Chronicle(WorkerId("w1"), "p", self._wake, lambda: 100.0)

    def _wake(self) -> None:
        self.woken += 1

    def opened(self, room: StandIn) -> None:
        self.chronicle.opened(cast(Any, room))

    def look(self, room: StandIn) -> None:
        self.chronicle.look(cast(Any, room))

    def ended(self, room: StandIn, reason: EndReason = EndReason.DELETED, seconds: float = 10.0) -> None:
        self.chronicle.ended(cast(Any, room), reason, seconds)

    def events(self) -> list[tuple[str, str]]:
        """Ids and types of what waits, which is told now."""
        waiting = self.chronicle.first(100)
        self.chronicle.told(waiting)
        return [(event.id, event.type.value) for event in waiting]


def test_a_broadcast_begins_goes_on_and_ends() -> None:
    told, room = Told(), StandIn()
    told.opened(room)
    told.look(room)
    room.has_publisher = False
    told.look(room)
    told.look(room)
    room.has_publisher = True
    told.opened(room)  # another source has taken it over
    told.look(room)
    told.ended(room, EndReason.PUBLISHER_LEFT)
    last = told.chronicle.first(100)[-1]
    assert last.facts == {"reason": "publisher_left", "seconds": 10.0}
    assert told.events() == [
        ("p-1-1", "room.started"),
        ("p-1-2", "publisher.away"),
        ("p-1-3", "publisher.back"),
        ("p-1-4", "room.ended"),
    ]
    assert told.woken == 4


def test_a_life_is_told_in_milliseconds() -> None:
    told, room = Told(), StandIn(started_at=99.87641)
    told.opened(room)
    told.ended(room, seconds=0.12361)
    started, ended = (event.facts for event in told.chronicle.first(9))
    assert (started["started_at"], ended["seconds"]) == (99.876, 0.124)


def test_who_is_on_is_told() -> None:
    told, room = Told(), StandIn()
    told.opened(room)
    covered: Any = SimpleNamespace(rank=0)
    room.standbys.add(covered)
    room.standby_is_on, room.standbys.switches = True, 1
    told.look(room)
    told.look(room)
    switched = told.chronicle.first(100)[-1]
    assert switched.facts == {"standby": True, "standbys": 1}
    assert told.events() == [("p-1-1", "room.started"), ("p-1-2", "publisher.switched")]


def test_a_next_room_of_the_name_is_another_broadcast() -> None:
    told, first, second = Told(), StandIn(), StandIn()
    told.opened(first)
    told.ended(first)
    told.opened(second)
    told.ended(first)  # not this one
    assert [id_ for id_, _ in told.events()] == ["p-1-1", "p-1-2", "p-2-1"]


def test_a_copy_tells_nothing_until_its_publisher_comes_here() -> None:
    told, copy = Told(), StandIn(origin=WorkerId("w2"))
    told.opened(copy)
    told.look(copy)
    copy.origin = None  # its relay is lost: it has no source at all
    told.look(copy)
    assert not told.events()
    told.opened(copy)
    told.ended(copy)
    assert told.events() == [("p-1-1", "room.started"), ("p-1-2", "room.ended")]


def test_each_warning_is_told_when_it_begins_and_when_it_is_over() -> None:
    told, room = Told(), StandIn()
    room.warnings.append("one")
    told.opened(room)
    room.warnings.clear()
    room.warnings.append("two")
    told.look(room)
    told.look(room)
    types = [type_ for _, type_ in told.events()]
    assert types == ["room.started", "warning.raised", "warning.cleared", "warning.raised"]


def test_a_broadcast_that_others_have_ended_begins_anew() -> None:
    told, room = Told(), StandIn(has_publisher=False)
    told.opened(room)
    told.events()
    told.chronicle.begin_anew(NAME, "p-7")  # not the present one
    assert not told.events()
    told.chronicle.begin_anew(NAME, "p-1")
    assert told.events() == [("p-2-1", "room.started"), ("p-2-2", "publisher.away")]
    assert told.chronicle.broadcasts() == {NAME: "p-2"}


def test_it_tells_no_switch_that_was_before_it() -> None:
    told, room = Told(), StandIn()
    told.opened(room)
    room.standbys.switches = 1
    told.look(room)
    told.events()
    told.chronicle.begin_anew(NAME, "p-1")
    assert told.events() == [("p-2-1", "room.started")]


def test_what_waits_is_bounded_and_what_was_told_meanwhile_goes(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    told = Told()
    for number in range(3):
        told.opened(StandIn(RoomName(f"r{number}")))
    under_way = told.chronicle.first(2)
    told.opened(StandIn(RoomName("r3")))
    assert (len(told.chronicle), told.chronicle.dropped) == (3, 1)
    told.chronicle.told(under_way)
    assert [event.room for event in told.chronicle.first(9)] == ["r2", "r3"]


def test_a_recording_s_event_has_the_same_id_whoever_tells_it() -> None:
    for _ in range(2):
        told = Told()
        told.chronicle.recorded(EventType.RECORDING_UPLOADED, NAME, "demo_1.webm", {})
        assert told.events() == [("demo_1-webm-uploaded", "recording.uploaded")]


def test_what_is_set_for_a_room_is_told_with_it() -> None:
    def set_for(room: str) -> RoomSettings:
        return RoomSettings(room=room, title="Board meeting", labels={"tenant": "7"})

    chronicle = Chronicle(WorkerId("w1"), "p", lambda: None, lambda: 100.0, Policy(set_for))
    chronicle.opened(cast(Any, StandIn()))
    chronicle.recorded(EventType.RECORDING_READY, NAME, "demo_1.webm", {"recording": "minutes"})
    started, called = (event.facts for event in chronicle.first(2))
    assert (started["title"], started["labels"]) == ("Board meeting", {"tenant": "7"})
    assert called == {"name": "demo_1.webm", "recording": "minutes"}
