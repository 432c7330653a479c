"""A worker closes a room whose time is over, once, and deletes nothing before it knows what rooms keep."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from media.rooms.policy import Policy
from media.sessions.end_reason import EndReason
from media.worker.room_settings import LOOK_SECONDS, FollowedSettings, known_keep_days
from shared.book.documents import read_stamped
from shared.messages.encoding import encode
from shared.messages.room_settings import RoomSettings
from shared.room_settings.settings_book import AllSettings, read_settings

END = 500.0


class World:
    def __init__(self, **settings: Any) -> None:
        self.closed: list[tuple[str, EndReason]] = []
        self.unix_now = END - 1
        self.now = 0.0
        rooms = AllSettings()
        stamped = b"0" * 16 + encode(RoomSettings(room="demo", until=END, **settings))
        rooms.take("demo", read_stamped("demo", stamped, read_settings))
        book: Any = SimpleNamespace(rooms=rooms, now=lambda: self.unix_now)
        self.room = SimpleNamespace(name="demo", started_at=END - 100)
        shown: Any = SimpleNamespace(
            shown=lambda: [self.room, SimpleNamespace(name="other", started_at=0.0)],
            close=lambda room, reason: self.closed.append((room, reason)),
        )
        self._followed = FollowedSettings(book, shown)

    def tick(self) -> None:
        self.now += LOOK_SECONDS
        self._followed.tick(self.now)


def test_a_room_ends_when_its_time_is_over() -> None:
    world = World()
    world.tick()
    assert not world.closed
    world.unix_now = END
    world.tick()
    assert world.closed == [("demo", EndReason.ROOM_CLOSED)]


@pytest.mark.parametrize("case", ["it began later", "its settings were lifted"])
def test_what_is_not_meant_goes_on(case: str) -> None:
    world = World(lifted=case == "its settings were lifted")
    if case == "it began later":
        world.room.started_at = END
    world.unix_now = END + 1
    world.tick()
    assert not world.closed


def test_nothing_is_too_old_until_it_is_known_what_rooms_keep() -> None:
    """A worker that starts without Redis would delete what its room keeps for longer than the others."""
    book: Any = SimpleNamespace(read=asyncio.Event())
    own = RoomSettings(room="archive", keep_days=365.0)
    policy = Policy(lambda room: own if room == "archive" else RoomSettings(room=room), keep_days=7.0)
    keep_days_of = known_keep_days(policy, book)
    assert [keep_days_of(room) for room in ("archive", "demo")] == [0.0, 0.0]
    book.read.set()
    assert [keep_days_of(room) for room in ("archive", "demo")] == [365.0, 7.0]
