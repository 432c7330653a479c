"""A room's warnings: each is listed and logged once, and taken back when it holds no more."""

from types import SimpleNamespace
from typing import Any

from structlog.testing import capture_logs

from media.counts import PublisherStats
from media.rooms.room import new_room
from media.rooms.warnings import LOSE_SOUND, MAX_WARNINGS, NO_KEYFRAME, RoomWarnings
from media.tracks.stream_watch import NO_KEYFRAME_SECONDS
from shared.names import RoomName
from tests.support.published import sound, video


def test_a_room_warns_of_a_publisher_that_sends_no_keyframe_and_cannot_be_asked_for_one() -> None:
    source: Any = SimpleNamespace(
        origin=None, is_alive=lambda _: True, send_rtcp=lambda _: None, heard_at=0.0
    )
    room = new_room(RoomName("demo"), [video()], lambda _: source, 0.0, PublisherStats())
    (track,), (sent, *_) = room.feed.sources, room.feed.sent
    assert track.watch is not None

    def warnings_at(now: float) -> list[str]:
        assert track.watch is not None
        track.heard_at = now
        track.watch.saw([b""], now)
        room.tick(now)
        return list(room.warnings)

    assert warnings_at(1.0) == warnings_at(1.0 + NO_KEYFRAME_SECONDS - 0.1) == []
    assert warnings_at(2.0 + NO_KEYFRAME_SECONDS) == [NO_KEYFRAME]  # a second later: it looks once a second
    sent.keyframe_at = 12.5
    assert warnings_at(13.5) == []


def test_a_room_warns_of_many_viewers_that_lose_sound_until_few_do() -> None:
    source: Any = SimpleNamespace(
        origin=None, is_alive=lambda _: True, send_rtcp=lambda _: None, heard_at=0.0
    )
    room = new_room(RoomName("demo"), [sound()], lambda _: source, 0.0, PublisherStats())
    viewers: Any = dict.fromkeys(map(str, range(50)))
    room.viewers = viewers
    warned = []
    for now, room.feed.losing_sound in enumerate((4, 5, 4, 3, 2, 4), 1):
        room.tick(float(now))
        warned.append(list(room.warnings) == [LOSE_SOUND])
    assert warned == [False, True, True, True, False, False]


def test_a_warning_is_listed_and_logged_once_and_taken_back() -> None:
    warnings = RoomWarnings(RoomName("demo"))
    with capture_logs() as logs:
        for _ in range(3):
            warnings.set("x", holds=True)
    assert list(warnings) == ["x"]
    assert [(entry["room"], entry["warning"]) for entry in logs] == [("demo", "x")]
    warnings.set("x", holds=False)
    warnings.set("x", holds=False)
    assert not list(warnings)


def test_there_are_never_more_than_the_limit() -> None:
    warnings = RoomWarnings(RoomName("demo"))
    for n in range(3 * MAX_WARNINGS):
        warnings.append(str(n % (2 * MAX_WARNINGS)))
    assert len(list(warnings)) == MAX_WARNINGS
