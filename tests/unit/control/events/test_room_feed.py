"""What readers of the list of rooms get, wherever each of them is."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from control.events.room_feed import LOOKS_KEPT, RoomFeed
from control.events.room_text import ROOMS_IN_EVENT
from control.workers.cluster_rooms import ClusterRoom
from control.workers.room_info import RoomInfo
from shared.messages.status import RoomStatus

R = TypeVar("R")


class Rooms:
    """The list of rooms, as a test likes it, and its rooms.feed."""

    unix_time = 100.0

    def __init__(self, *names: str, detailed: bool = False) -> None:
        self.of: dict[str, RoomStatus] = {}
        self.hidden: set[str] = set()
        self.locked: set[str] = set()
        self.titles: dict[str, str] = {}
        for name in names:
            self.set(name)
        me = cast(Any, self)
        self.feed = RoomFeed(me, me, detailed, self._info, lambda name: name not in self.hidden)

    def _info(self, name: str) -> RoomInfo:
        return RoomInfo(name in self.locked, self.titles.get(name, ""))

    async def note(self, name: str, **facts: Any) -> None:
        """A look at the list finds that in a room."""
        self.set(name, **facts)
        await self.feed.note([name])

    async def lose(self, name: str) -> None:
        del self.of[name]
        await self.feed.note([name])

    def set(self, name: str, **facts: Any) -> None:
        before = self.of.get(name) or RoomStatus(name=name, has_publisher=True, tracks=2, subscribers=0)
        self.of[name] = replace(before, **facts)

    def held_names(self) -> list[str]:
        return sorted(self.of)

    async def in_turns(self, names: Sequence[str], render: Callable[[str], R]) -> AsyncIterator[list[R]]:
        for first in range(0, len(names), 200):
            yield [render(name) for name in names[first : first + 200]]

    def room(self, name: str) -> ClusterRoom | None:
        return ClusterRoom(self.of[name], ("w1",)) if name in self.of else None


async def read(events: AsyncIterator[bytes]) -> list[dict[str, Any]]:
    texts = [event.decode().removeprefix("event: rooms\ndata: ") async for event in events]
    return [json.loads(text) for text in texts]


async def told(rooms: Rooms, at: int) -> dict[str, int | None]:
    """The viewers of each room that is told to a reader at `at`; None: it is gone."""
    found: dict[str, int | None] = {}
    for event in await read(rooms.feed.since(at)):
        found |= {room["name"]: room["subscribers"] for room in event["rooms"]} | dict.fromkeys(event["gone"])
    return found


async def test_a_long_list_comes_in_parts() -> None:
    rooms = Rooms(*(f"r{number:04}" for number in range(2 * ROOMS_IN_EVENT + 1)))
    events = await read(rooms.feed.whole())
    assert all(len(event["rooms"]) <= ROOMS_IN_EVENT for event in events)
    assert [room["name"] for event in events for room in event["rooms"]] == sorted(rooms.of)
    assert [event["first"] for event in events] == [True] + [False] * (len(events) - 1)
    assert [event["complete"] for event in events] == [False] * (len(events) - 1) + [True]


async def test_many_changes_come_in_parts() -> None:
    rooms = Rooms(*(f"r{number:04}" for number in range(ROOMS_IN_EVENT + 1)))
    await rooms.feed.note(rooms.of)
    events = await read(rooms.feed.since(0))
    assert [len(event["rooms"]) for event in events] == [ROOMS_IN_EVENT, 1]
    assert [event["complete"] for event in events] == [False, True]


async def test_a_slow_reader_gets_the_latest_state_once() -> None:
    rooms = Rooms("a", "b", "c")
    await read(rooms.feed.whole())
    for viewers in (1, 2, 3):
        await rooms.note("a", subscribers=viewers)
    await rooms.lose("b")
    assert await told(rooms, 0) == {"a": 3, "b": None}
    assert await told(rooms, rooms.feed.at - 1) == {"b": None}
    assert await told(rooms, rooms.feed.at) == {}


async def test_all_readers_at_one_place_get_the_same_bytes() -> None:
    rooms = Rooms("a")
    await rooms.note("a")
    [one] = [event async for event in rooms.feed.since(0)]
    [two] = [event async for event in rooms.feed.since(0)]
    assert one is two


async def begins_anew(feed: RoomFeed, at: int) -> bool:
    return any(event["first"] for event in await read(feed.since(at)))


async def test_a_reader_too_far_behind_begins_anew() -> None:
    rooms = Rooms("a")
    for viewers in range(LOOKS_KEPT + 1):
        assert not await begins_anew(rooms.feed, 0)
        await rooms.note("a", subscribers=viewers + 1)
    assert await begins_anew(rooms.feed, 0)
    assert not await begins_anew(rooms.feed, 1)


async def test_of_an_unlisted_room_nothing_is_told_not_even_its_end() -> None:
    rooms = Rooms("a")
    rooms.hidden = {"b"}
    await rooms.note("a")
    for viewers in (1, 2):
        await rooms.note("b", subscribers=viewers)
    await rooms.lose("b")
    assert rooms.feed.at == 1


async def test_a_room_that_is_listed_no_longer_is_gone_for_who_knew_it() -> None:
    rooms = Rooms("a", "b")
    assert await read(rooms.feed.whole())
    rooms.hidden = {"b"}
    await rooms.note("b")
    assert await told(rooms, 0) == {"b": None}
    await rooms.note("b", subscribers=3)
    assert rooms.feed.at == 1
    rooms.hidden.clear()
    await rooms.note("b")
    assert await told(rooms, 1) == {"b": 3}


async def test_what_the_list_does_not_show_is_no_change() -> None:
    rooms = Rooms("a")
    await rooms.note("a")
    await rooms.note("a", rx_bytes=1_000, bitrate=5_000)
    assert rooms.feed.at == 1


async def test_all_that_is_told_of_a_room_is_a_change() -> None:
    rooms = Rooms("a", detailed=True)
    await rooms.note("a")
    await rooms.note("a", standbys=1)
    await rooms.note("a", standby_on=True)
    rooms.locked.add("a")
    await rooms.note("a")
    rooms.titles["a"] = "Board meeting"
    await rooms.note("a")
    await rooms.note("a")
    assert rooms.feed.at == 5


async def test_a_bit_rate_is_told_anew_from_a_quarter_on() -> None:
    rooms = Rooms("a", detailed=True)
    rates = [1_000, 1_200, 1_249, 1_300, 1_500, 900]
    changes = []
    for rate in rates:
        rooms.set("a", bitrate=rate)
        before = rooms.feed.at
        await rooms.note("a")
        changes.append(rooms.feed.at > before)
    assert changes == [True, False, False, True, False, True]


async def test_what_only_a_new_reader_saw_is_put_right() -> None:
    """A room changes and changes back between two looks, while somebody reads the whole list."""
    rooms = Rooms("a")
    await rooms.note("a")
    rooms.set("a", subscribers=5)
    [whole] = await read(rooms.feed.whole())
    assert whole["rooms"][0]["subscribers"] == 5
    before = rooms.feed.at
    await rooms.note("a", subscribers=0)
    assert await told(rooms, before) == {"a": 0}


async def test_what_only_a_late_reader_saw_is_put_right() -> None:
    rooms = Rooms("a")
    for viewers in (1, 0):
        await rooms.note("a", subscribers=viewers)
    rooms.set("a", subscribers=5)
    assert await told(rooms, 0) == {"a": 5}
    assert await told(rooms, 1) == {"a": 0}  # as it was noted
    rooms.set("a", subscribers=0)
    before = rooms.feed.at
    await rooms.note("a")
    assert await told(rooms, before) == {"a": 0}


async def test_what_nobody_reads_is_forgotten() -> None:
    rooms = Rooms("a")
    await rooms.note("a")
    rooms.feed.forget()
    assert await begins_anew(rooms.feed, 0)
