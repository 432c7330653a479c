"""All rooms of a worker: which are shown and counted, and what one that fails does to the others."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from media.negotiation.agreed_tracks import PlayedTrack
from media.rooms.policy import Policy
from media.rooms.publisher_life import PublisherState
from media.rooms.room import Room
from media.rooms.rooms import MEASURED_SECONDS, Rooms
from media.sessions.end_reason import EndReason
from media.sessions.ledger import Ledger
from shared.messages.room_settings import Clip, RecordingNote, RoomSettings
from shared.names import RoomName, SessionId
from tests.support.published import sound, video
from tests.support.room_source import RoomSource

CHECK = RoomName("~check-demo")


class Recordings:
    """Stands for the recorder; notes what it opened."""

    def __init__(self) -> None:
        self.opened: list[Any] = []

    def open(self, room: RoomName, *asked: object, **_: object) -> Any:
        _, formats, note = asked
        recording = SimpleNamespace(
            room=room, formats=formats, note=note, failure=None, closed=False, tick=lambda _: None
        )
        recording.close = lambda: setattr(recording, "closed", True)
        self.opened.append(recording)
        return recording


class World:
    def __init__(self, *, records: bool = True) -> None:
        self.settings: dict[str, RoomSettings] = {}  # what is set for rooms
        self.recordings = Recordings()
        self.told: list[tuple[str, str]] = []  # what, and of which room
        self.lives: list[float] = []  # of rooms that have ended, in seconds
        self.freed: list[str] = []
        self.now, self.unix = 0.0, 1_000.0
        self.ledger = Ledger()
        self.rooms = Rooms(
            self.ledger,
            SimpleNamespace(
                room_closed=lambda name, _: self.told.append(("copies end", name)),
                tracks_changed=lambda name: self.told.append(("copies change", name)),
            ),
            lambda name, *_: self.freed.append(name),
            SimpleNamespace(
                opened=lambda room: self.told.append(("opened", room.name)),
                look=lambda room: self.told.append(("looked", room.name)),
                ended=self._ended,
            ),
            cast(Any, self.recordings),
            grace=0.0,
            policy=Policy(lambda room: self.settings.get(room, RoomSettings(room=room)), records=records),
            clock=lambda: self.now,
            unix_clock=lambda: self.unix,
        )

    def _ended(self, room: Room, _: EndReason, seconds: float) -> None:
        self.told.append(("ended", room.name))
        self.lives.append(seconds)

    def set(self, name: str, **settings: Any) -> None:
        self.settings[name] = RoomSettings(room=name, **settings)
        self.rooms.follow([name, "of-another-worker"])

    def recorded(self) -> list[str]:
        return [recording.room for recording in self.recordings.opened if not recording.closed]

    def open(
        self, name: str, *, viewers: int = 0, origin: str | None = None, at: float | None = None
    ) -> Room:
        source = RoomSource(origin, heard_at=0.0)
        published = [video("VP8"), sound()]
        room = self.rooms.open(
            RoomName(name), published, lambda _: source, 0.0, identity="ann", started_at=at
        )
        for number in range(viewers):
            viewer: Any = SimpleNamespace(end=lambda _: None, rendition=None, reason="", played=())
            room.viewers[SessionId(f"w1.{number}")] = viewer
        return room


@pytest.fixture
def world() -> World:
    return World()


def test_a_copy_is_no_room_of_this_worker(world: World) -> None:
    world.open("own")
    world.open("copy", origin="w2")
    assert list(world.rooms.names()) == ["own"]
    assert list(world.rooms.all_names()) == ["own", "copy"]
    assert len(world.rooms) == 2


def test_pictures_are_made_of_own_rooms_that_are_to_have_some(world: World) -> None:
    world.settings["without"] = RoomSettings(room="without", stills=False)
    for name in (CHECK, "without", "own"):
        world.open(name)
    world.open("copy", origin="w2")
    assert [room.name for room in world.rooms.pictured()] == ["own"]


def test_the_check_of_a_line_is_shown_nowhere(world: World) -> None:
    world.open(CHECK, viewers=3)
    demo = world.open("demo", viewers=1)
    assert world.rooms.shown() == world.rooms.largest(5) == [demo]
    assert [status.name for status in world.rooms.statuses()] == ["demo"]
    assert not world.rooms.statuses([CHECK])
    assert ("opened", CHECK) not in world.told


def test_statuses_are_of_the_rooms_that_were_asked_for_and_exist(world: World) -> None:
    for name in ("a", "b"):
        world.open(name)
    assert [status.name for status in world.rooms.statuses([RoomName("b"), RoomName("c")])] == ["b"]


def test_one_room_is_recorded_while_that_is_set() -> None:
    world = World(records=False)
    demo = world.open("demo")
    world.open("other")
    world.open("copy", origin="w2")
    assert not world.recorded()
    note = RecordingNote(name="a lecture")
    for _ in range(2):  # the second one changes nothing
        for name in ("demo", "copy"):
            world.set(name, recorded=True, formats=("mux",), note=note)
        assert world.recorded() == ["demo"]
    [recording] = world.recordings.opened
    assert (recording.formats, recording.note) == (("mux",), note)
    assert demo.feed.tap is demo.recording is recording
    world.set("demo", recorded=True, note=RecordingNote(name="another one"))
    assert recording.note.name == "another one"
    world.set("demo", recorded=False)
    assert not world.recorded()
    assert demo.feed.tap is demo.recording is None
    world.set("later", recorded=True)
    world.open("later")
    assert world.recorded() == ["later"]


@pytest.mark.parametrize("records", [False, True])
def test_a_pause_ends_the_files_and_what_was_marked_is_told_with_them(records: bool) -> None:
    world = World(records=records)
    world.open("demo")
    recorded = None if records else True
    world.set("demo", recorded=recorded)
    paused = RecordingNote(paused=True, clips=(Clip(name="goal", begin=1.0),))
    world.set("demo", recorded=recorded, note=paused)
    assert not world.recorded()
    assert world.recordings.opened[0].note == paused
    world.set("demo", recorded=recorded, note=replace(paused, paused=False))
    assert (world.recorded(), len(world.recordings.opened)) == (["demo"], 2)


def test_where_all_rooms_are_recorded_one_may_not_be(world: World) -> None:
    world.set("private", recorded=False)
    for name in ("private", "demo"):
        world.open(name)
    assert world.recorded() == ["demo"]
    world.set("private")
    assert world.recorded() == ["demo", "private"]


@pytest.mark.parametrize("failure", [None, "the disk was full"])
@pytest.mark.parametrize(("codec", "goes_on"), [("VP8", True), ("H264", False)])
def test_a_recording_goes_on_with_another_publisher_of_the_same_codecs(
    world: World, codec: str, goes_on: bool, failure: str | None
) -> None:
    room = world.open("demo")
    [first] = world.recordings.opened
    first.failure = failure
    world.rooms.succeed(room, [video(codec), sound()], lambda _: RoomSource())
    assert (room.recording is first) is goes_on
    assert first.closed is not goes_on
    assert room.feed.tap is room.recording is world.recordings.opened[-1]


def test_the_largest_rooms_are_those_with_most_viewers(world: World) -> None:
    for name, viewers in (("a", 1), ("b", 3), ("c", 2)):
        world.open(name, viewers=viewers)
    assert [room.name for room in world.rooms.largest(2)] == ["b", "c"]
    assert [room.name for room in world.rooms.largest(0)] == ["b", "c", "a"]
    assert world.rooms.viewer_count == 6


def test_new_publishers_are_counted_until_the_load_shows_them(world: World) -> None:
    world.open("before", at=1_000.0 - MEASURED_SECONDS)
    world.open("new", at=1_000.1 - MEASURED_SECONDS)
    now = world.open("now")
    world.open("copy", origin="w2")
    assert world.rooms.not_measured(0.0) == 2
    assert now.started_at == 1_000.0


@pytest.mark.parametrize("step", [-3600.0, 0.0, 3600.0])
def test_a_room_is_as_old_as_it_is_after_redis_clock_was_set(world: World, step: float) -> None:
    world.open("demo")
    world.open("moved", at=900.0)  # it goes on here
    world.open("ahead", at=1_001.0)  # by the clock as another worker read it
    world.now, world.unix = 600.0, 1_600.0 + step
    assert world.rooms.not_measured(world.now) == 0
    world.rooms.close_all(EndReason.DELETED)
    assert world.lives == [600.0, 700.0, 600.0]


def test_a_room_that_fails_ends_alone(world: World) -> None:
    broken, other = world.open("broken"), world.open("other")
    source = broken.source
    assert isinstance(source, RoomSource)
    broken.feed.fault = RuntimeError("a bug")
    world.rooms.tick(1.0)
    assert source.ended == [EndReason.FAULT]
    assert world.freed == ["broken"]
    assert world.rooms.shown() == [other]
    assert [name for what, name in world.told if what == "looked"] == ["other"]


def test_what_a_room_received_is_counted_after_its_end(world: World) -> None:
    """A counter of Prometheus' must not decrease."""
    room = world.open("demo")
    room.feed.rx_packets = 7
    world.rooms.close(room.name, EndReason.ROOM_CLOSED)
    totals = world.ledger.feeds.with_living(world.rooms.feeds())
    assert totals["rx_packets"] == 7


def test_its_end_is_told_to_all_once(world: World) -> None:
    room = world.open("demo")
    world.rooms.close_all(EndReason.WORKER_STOPS)
    world.rooms.source_ended(room, RoomSource(), EndReason.DELETED)
    assert world.told == [("opened", "demo"), ("ended", "demo"), ("copies end", "demo")]
    assert world.freed == ["demo"]


def test_viewers_that_cannot_decode_a_newcomer_s_codec_are_ended_and_no_others(world: World) -> None:
    room = world.open("demo")
    ended: dict[str, EndReason] = {}
    codecs = {"old": video("VP8").codec, "both": video("H264").codec}
    for name, codec in codecs.items():
        played = PlayedTrack(track_index=0, mid="0", codec=codec, extensions={})
        viewer: Any = SimpleNamespace(
            played=[played], end=lambda reason, name=name: ended.setdefault(name, reason), rendition=None
        )
        room.viewers[SessionId(f"w1.{name}")] = viewer
    world.rooms.succeed(room, [video("H264"), sound()], lambda _: RoomSource())
    assert ended == {"old": EndReason.CODEC_CHANGED}


def test_a_newcomer_s_other_codecs_are_told_to_copies_and_end_standbys_without_them(
    world: World,
) -> None:
    room = world.open("demo")
    former = room.source
    assert isinstance(former, RoomSource)
    standbys: list[Any] = [
        SimpleNamespace(rank=rank, published=[video(codec), sound()], session=RoomSource())
        for rank, codec in enumerate(("VP8", "H264"), 1)
    ]
    for standby in standbys:
        room.standbys.add(standby)
    world.rooms.succeed(room, [video("VP8"), sound()], lambda _: RoomSource())
    assert ("copies change", "demo") not in world.told
    assert former.ended == [EndReason.REPLACED]
    world.rooms.succeed(room, [video("H264"), sound()], lambda _: RoomSource())
    assert world.told == [*[("opened", "demo")] * 2, ("copies change", "demo"), ("opened", "demo")]
    assert [standby.session.ended for standby in standbys] == [[EndReason.CODEC_CHANGED], []]
    assert room.publisher_state(1.0) is PublisherState.SENDING
