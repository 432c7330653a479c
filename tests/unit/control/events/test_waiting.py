"""A viewer's request waits for a publisher as long as it may, and leaves nothing behind."""

import asyncio
from time import monotonic
from typing import Any, cast

import pytest

from control.events import waiting
from control.events.places import Places
from control.events.waiting import WaitingViewers
from shared.names import RoomName

ROOM = RoomName("demo")
LATER = 60.0  # seconds, in which the test is over


class Rooms:
    def __init__(self) -> None:
        self.held: set[str] = set()

    def holds(self, name: str) -> bool:
        return name in self.held


class Stage:
    def __init__(self) -> None:
        self.rooms = Rooms()
        self.places = Places(10)
        self.viewers = WaitingViewers(cast(Any, self.rooms), self.places)
        self.gone = False

    async def _has_gone(self) -> bool:
        return self.gone

    def wait(self, seconds: float = LATER, client: str = "192.0.2.1") -> asyncio.Task[bool]:
        waits = self.viewers.publisher(ROOM, client, monotonic() + seconds, self._has_gone)
        return asyncio.ensure_future(waits)

    @property
    def is_empty(self) -> bool:
        return not self.viewers._of_room and not any(self.places._taken.values())


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(waiting, "_CROWD_SECONDS", 0.001)
    return Stage()


async def test_it_is_told_when_the_room_comes(stage: Stage) -> None:
    waits = stage.wait()
    await asyncio.sleep(0.01)
    assert not waits.done()
    stage.rooms.held.add(ROOM)
    assert await waits
    assert stage.is_empty


async def test_nobody_waits_for_ever_nor_for_who_has_gone_nor_in_a_process_that_stops(stage: Stage) -> None:
    assert not await stage.wait(0.01)
    left, stopped = stage.wait(), stage.wait()
    await asyncio.sleep(0.01)
    stage.gone = True
    assert not await left
    stage.gone = False
    stage.places.close()
    assert not await stopped
    assert stage.is_empty


async def test_a_room_and_a_process_have_so_many_places(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_places = [stage.wait() for _ in range(7)]  # five sevenths of ten, shared by one client
    await asyncio.sleep(0.01)
    assert [waits.done() for waits in all_places] == [False] * 7
    assert not await stage.wait()
    other = stage.wait(client="192.0.2.2")  # who has most gives way
    await asyncio.sleep(0.01)
    assert [waits.done() for waits in [*all_places, other]] == [True] + [False] * 7
    monkeypatch.setattr(waiting, "MOST_OF_ROOM", 7)
    assert not await stage.wait(client="192.0.2.3")
    stage.rooms.held.add(ROOM)
    assert await other
