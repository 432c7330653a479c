"""A room's warnings: each is listed and logged once, and taken back when it holds no more."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from media.rooms.warnings import COULD_NOT_PLAY, LOSE_SOUND, MAX_WARNINGS, NO_KEYFRAME, RoomWarnings
from shared.names import RoomName
from tests.support.published import sound
from tests.support.room_source import RoomSource
from tests.unit.media.rooms.test_room import room_of


def test_a_room_warns_of_many_viewers_that_lose_sound_until_few_do() -> None:
    room = room_of(sound())
    viewers: Any = dict.fromkeys(map(str, range(50)))
    room.viewers = viewers
    warned = []
    for now, room.feed.losing_sound in enumerate((4, 5, 4, 3, 2, 4), 1):
        room.tick(float(now))
        warned.append(list(room.warnings.texts) == [LOSE_SOUND])
    assert warned == [False, True, True, True, False, False]


def test_a_warning_is_listed_and_logged_once_and_taken_back() -> None:
    warnings = RoomWarnings(RoomName("demo"))
    with capture_logs() as logs:
        for _ in range(3):
            warnings.set("x", holds=True)
    assert list(warnings.texts) == ["x"]
    assert [(entry["room"], entry["warning"]) for entry in logs] == [("demo", "x")]
    warnings.set("x", holds=False)
    warnings.set("x", holds=False)
    assert not list(warnings.texts)


def test_there_are_never_more_than_the_limit() -> None:
    warnings = RoomWarnings(RoomName("demo"))
    for n in range(3 * MAX_WARNINGS):
        warnings.append(str(n % (2 * MAX_WARNINGS)))
    assert len(list(warnings.texts)) == MAX_WARNINGS


@pytest.mark.parametrize(("origin", "told"), [(None, [0, 1, 2]), ("other", [0, 2])])
def test_a_copy_tells_only_what_its_viewers_lack(origin: str | None, told: list[int]) -> None:
    """Of the stream its origin warns."""
    room = room_of(sound(), source=RoomSource(origin))
    texts = (LOSE_SOUND, NO_KEYFRAME, f"{COULD_NOT_PLAY}it has VP9")
    for text in texts:
        room.warnings.append(text)
    assert room.status().warnings == tuple(texts[number] for number in told)
