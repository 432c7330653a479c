"""`roomcast slates`: in which rooms a slate runs."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy.slates import AGAIN_SECONDS, ALONE_SECONDS, MOST_SLATES, RoomNow, Slates

LIVE = RoomNow(standbys=0, standby_on=False)
COVERED = RoomNow(standbys=1, standby_on=True)  # its encoder hangs
ALONE = RoomNow(standbys=0, standby_on=True)


class World:
    def __init__(self) -> None:
        self.running: set[tuple[str, str]] = set()
        self.over = asyncio.Event()
        self.begun = 0
        self.slates = Slates(self._stand_by)

    async def _stand_by(self, room: str, file: str) -> None:
        self.begun += 1
        self.running.add((room, file))
        try:
            await self.over.wait()
        finally:
            self.running.discard((room, file))

    async def look(self, wanted: dict[str, str], rooms: dict[str, RoomNow], now: float = 0.0) -> None:
        self.slates.look(wanted, rooms, now)
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.slates.close()
    assert not world.running


async def test_a_slate_begins_with_the_room_and_ends_with_the_setting(world: World) -> None:
    wanted = {"a": "1.png", "b": "2.png"}
    await world.look(wanted, {"a": LIVE})
    assert world.running == {("a", "1.png")}
    await world.look(wanted, {"a": COVERED, "b": LIVE})
    assert world.running == {("a", "1.png"), ("b", "2.png")}
    await world.look({"a": "3.png"}, {"a": ALONE, "b": LIVE})
    assert not world.running  # the former one stands by until it has left
    await world.look({"a": "3.png"}, {"a": LIVE})
    assert world.running == {("a", "3.png")}


@pytest.mark.parametrize("taken", [RoomNow(standbys=1, standby_on=False), COVERED, ALONE])
async def test_a_room_with_a_standby_gets_none(world: World, taken: RoomNow) -> None:
    await world.look({"a": "1.png"}, {"a": taken})
    assert not world.running


async def test_a_slate_that_nobody_comes_back_to_ends(world: World) -> None:
    await world.look({"a": "1.png"}, {"a": LIVE})
    await world.look({"a": "1.png"}, {"a": ALONE}, 100.0)
    await world.look({"a": "1.png"}, {"a": COVERED}, 200.0)  # somebody has
    await world.look({"a": "1.png"}, {"a": ALONE}, 300.0)
    await world.look({"a": "1.png"}, {"a": ALONE}, 299.0 + ALONE_SECONDS)
    assert world.running
    await world.look({"a": "1.png"}, {"a": ALONE}, 300.0 + ALONE_SECONDS)
    assert not world.running


async def test_a_session_that_has_ended_is_followed_by_another_one_after_a_while(world: World) -> None:
    await world.look({"a": "1.png"}, {"a": LIVE})
    world.over.set()
    await world.look({"a": "1.png"}, {"a": LIVE}, 1.0)
    world.over.clear()
    await world.look({"a": "1.png"}, {"a": LIVE}, 2.0)
    await world.look({"a": "1.png"}, {"a": LIVE}, 1.5 + AGAIN_SECONDS)
    assert world.begun == 1
    await world.look({"a": "1.png"}, {}, 2.0 + AGAIN_SECONDS)
    assert world.begun == 1  # the room has ended
    await world.look({"a": "1.png"}, {"a": LIVE}, 3.0 + AGAIN_SECONDS)
    assert (world.begun, world.running) == (2, {("a", "1.png")})


async def test_only_so_many_run(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    rooms = [f"room{number}" for number in range(MOST_SLATES + 2)]
    await world.look(dict.fromkeys(rooms, "1.png"), dict.fromkeys(rooms, LIVE))
    assert len(world.running) == MOST_SLATES
    assert capsys.readouterr().err == f"slates: there are {MOST_SLATES}, so none in {rooms[MOST_SLATES]}\n"
    await world.look(dict.fromkeys(rooms, "1.png"), dict.fromkeys(rooms, LIVE), 5.0)
    assert capsys.readouterr().err == ""  # said once
